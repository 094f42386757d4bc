package codec_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/codec/internal/codectest"
)

func TestCheck(t *testing.T) {
	tests := []struct {
		name    string
		message string
		kind    error // nil: it passes
		offset  int
	}{
		{"nil", "\xc0", nil, 0},
		{"a map of everything", "\x87\xa1a\xc0\xa1b\xc3\x01\xd0\x80\xff\xca\x00\x00\x00\x00\xa1e\xc4\x01\xff\xa1f\xd6\xff\x00\x00\x00\x00\xa1g\x92\x80\x90", nil, 0},
		{"long forms", "\xdf\x00\x00\x00\x01\xd9\x01a\xdc\x00\x02\xdb\x00\x00\x00\x01b\xda\x00\x01c", nil, 0},
		{"keys of every integer", "\x88\xcc\x01\x01\xcd\x00\x02\x01\xce\x00\x00\x00\x03\x01\xcf\x00\x00\x00\x00\x00\x00\x00\x04\x01\xd0\xff\x01\xd1\xff\xfe\x01\xd2\xff\xff\xff\xfd\x01\xd3\xff\xff\xff\xff\xff\xff\xff\xfc\x01", nil, 0},

		{"nothing", "", codec.ErrTruncated, 0},
		{"an array without its elements", "\x91", codec.ErrTruncated, 0},
		{"an array with one element too few", "\x92\x91\x01", codec.ErrTruncated, 3},
		{"the header of a map ends early", "\x91\xdf\x00", codec.ErrTruncated, 1},
		{"an integer ends early", "\x91\xd3\x00\x00", codec.ErrTruncated, 1},
		{"a float ends early", "\x91\xca\x00", codec.ErrTruncated, 1},
		{"a string ends early", "\x91\xa5four", codec.ErrTruncated, 1},
		{"a long string ends early", "\x91\xda\xff\xffx", codec.ErrTruncated, 1},
		{"a binary ends early", "\x91\xc6\xff\xff\xff\xff", codec.ErrTruncated, 1},
		{"a timestamp ends early", "\x91\xc7\x0c\xff\x00", codec.ErrTruncated, 1},
		{"two values", "\x01\x02", codec.ErrTrailing, 1},
		{"a byte behind an array", "\x91\x01\xc0", codec.ErrTrailing, 2},

		{"0xc1 is never used", "\x91\xc1", codec.ErrFormat, 1},
		{"0xc1 as key", "\x81\xc1\x01", codec.ErrFormat, 1},
		{"fixext 1 is no timestamp", "\x91\xd4\x05\x00", codec.ErrFormat, 1},
		{"fixext 16 is no timestamp", "\x91\xd8\xff" + strings.Repeat("\x00", 16), codec.ErrFormat, 1},
		{"ext 8 of another type", "\x91\xc7\x0c\x01" + strings.Repeat("\x00", 12), codec.ErrFormat, 1},
		{"ext 16 is no timestamp", "\x91\xc8\x00\x0c\xff" + strings.Repeat("\x00", 12), codec.ErrFormat, 1},
		{"ext 32 of 2^32-1 bytes", "\x91\xc9\xff\xff\xff\xff\xff", codec.ErrFormat, 1},
		{"a timestamp with 10^9 nanoseconds", "\x91\xc7\x0c\xff\x3b\x9a\xca\x00" + strings.Repeat("\x00", 8), codec.ErrFormat, 1},

		{"a string that is no text", "\x92\x01\xa2\xc3\x28", codec.ErrUTF8, 2},
		{"a long string that is no text", "\x91\xd9\x02\xc3\x28", codec.ErrUTF8, 1},
		{"a key that is no text", "\x81\xa1\xff\x01", codec.ErrUTF8, 1},

		{"a nil key", "\x81\xc0\x01", codec.ErrType, 1},
		{"a bool key", "\x81\xc3\x01", codec.ErrType, 1},
		{"a float key", "\x81\xca\x00\x00\x00\x00\x01", codec.ErrType, 1},
		{"a binary key", "\x81\xc4\x01a\x01", codec.ErrType, 1},
		{"an array as key", "\x81\x90\x01", codec.ErrType, 1},
		{"a map as key", "\x81\x80\x01", codec.ErrType, 1},
		{"a timestamp as key", "\x81\xd6\xff\x00\x00\x00\x00\x01", codec.ErrType, 1},
		{"the second key", "\x82\x01\xc0\xc0\x01", codec.ErrType, 3},
		{"a key after a nested map", "\x82\x01\x81\x01\xc0\xc0\x01", codec.ErrType, 5},
		{"a key after a nested array", "\x82\x01\x91\xc0\xc0\x01", codec.ErrType, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := codec.Check([]byte(tt.message), nil)
			if !errors.Is(err, tt.kind) {
				t.Fatalf("got %v, want %v", err, tt.kind)
			}
			r := codec.NewReader([]byte(tt.message), nil)
			raw := r.Raw()
			if skipErr := r.Finish(); !errors.Is(skipErr, tt.kind) {
				t.Errorf("Raw and Finish say %v, want %v", skipErr, tt.kind)
			} else if skipErr == nil && string(raw) != tt.message {
				t.Errorf("Raw returned % x", raw)
			}
			if err == nil {
				return
			}
			if e, ok := errors.AsType[*codec.Error](err); !ok || e.Offset != tt.offset {
				t.Errorf("got %v, want offset %d", err, tt.offset)
			}
		})
	}
}

func TestCheckEveryPrefix(t *testing.T) {
	message, _ := codectest.NewOrder().AppendMsgpack(nil)
	for n := range message {
		if err := codec.Check(message[:n], nil); !errors.Is(err, codec.ErrTruncated) {
			t.Errorf("the first %d of %d bytes: %v", n, len(message), err)
		}
		var v codectest.Order
		if err := v.ReadMsgpack(codec.NewReader(message[:n], nil)); !errors.Is(err, codec.ErrTruncated) {
			t.Errorf("the first %d of %d bytes decode: %v", n, len(message), err)
		}
	}
}

func TestAllocations(t *testing.T) {
	order := codectest.NewOrder()
	message, _ := order.AppendMsgpack(nil)
	buf := make([]byte, 0, 1024)
	var r codec.Reader
	for name, f := range map[string]func(){
		"Check": func() {
			if codec.Check(message, nil) != nil {
				panic("order does not pass")
			}
		},
		"Skip":   func() { r.Reset(message); r.Skip() },
		"Append": func() { buf, _ = order.AppendMsgpack(buf[:0]) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func TestRaw(t *testing.T) {
	var v codec.Raw
	if b, err := v.AppendMsgpack(nil); string(b) != "\xc0" || err != nil {
		t.Errorf("the zero Raw is % x, %v", b, err)
	}
	message := []byte("\x93\x01\x92\xa1a\xa1b\x02")
	r := codec.NewReader(message, nil)
	r.ArrayHeader()
	r.Skip()
	if err := v.ReadMsgpack(r); err != nil || string(v) != "\x92\xa1a\xa1b" {
		t.Fatalf("got % x and %v", v, err)
	}
	if got := r.Int(); got != 2 {
		t.Errorf("behind it: %d", got)
	}
	clear(message)
	if b, _ := v.AppendMsgpack([]byte{0x91}); string(b) != "\x91\x92\xa1a\xa1b" {
		t.Errorf("appended: % x; it must be a copy of the message", b)
	}
	for _, bad := range []string{"\xc1", "\xa1\xff", "\x81\xc0\x01", string(nest(33))} {
		if err := v.ReadMsgpack(codec.NewReader([]byte(bad), nil)); err == nil {
			t.Errorf("% x is taken", bad)
		}
	}
}

func TestEmpty(t *testing.T) {
	var v codec.Empty
	if b, err := v.AppendMsgpack(nil); string(b) != "\xc0" || err != nil {
		t.Errorf("got % x, %v", b, err)
	}
	for _, message := range []string{"\xc0", "\x81\xa3new\x91\x01", "\x05"} {
		r := codec.NewReader([]byte(message), nil)
		if err := v.ReadMsgpack(r); err != nil || r.Finish() != nil {
			t.Errorf("% x: %v", message, r.Err())
		}
	}
	if err := v.ReadMsgpack(codec.NewReader([]byte{0xc1}, nil)); !errors.Is(err, codec.ErrFormat) {
		t.Errorf("0xc1: %v", err)
	}
}

func TestReadOrder(t *testing.T) {
	want := codectest.NewOrder()
	message, _ := want.AppendMsgpack(nil)
	if len(message) != 366 {
		t.Errorf("the order of the benchmarks has %d bytes", len(message))
	}
	var got codectest.Order
	r := codec.NewReader(message, nil)
	if err := got.ReadMsgpack(r); err != nil {
		t.Fatal(err)
	}
	if err := r.Finish(); err != nil {
		t.Fatal(err)
	}
	if again, _ := got.AppendMsgpack(nil); !bytes.Equal(again, message) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestReadSkipsUnknownFields(t *testing.T) {
	message, _ := codectest.NewFlat().AppendMsgpack(nil)
	message[0] = 0x86
	message = append(message, "\xa3New\x82\x01\x93\xc0\xa1x\xcb12345678\xa1y\xc4\x01\xff"...)
	var v codectest.Flat
	r := codec.NewReader(message, nil)
	if err := v.ReadMsgpack(r); err != nil || r.Finish() != nil || v.Name != codectest.NewFlat().Name {
		t.Errorf("got %+v and %v", v, r.Err())
	}
	r.Reset([]byte("\x81\xa3New\x81\xc0\xc0"))
	if err := v.ReadMsgpack(r); !errors.Is(err, codec.ErrType) {
		t.Errorf("an unknown field with a nil key inside: %v", err)
	}
}
