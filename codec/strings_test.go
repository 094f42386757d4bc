package codec_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/twinwire/twinwire/codec"
)

func TestStrings(t *testing.T) {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	tests := [][]string{nil, {}, make([]string, 20), {strings.Repeat("x", 300), "y"}}
	for n := range 34 {
		tests = append(tests, []string{alphabet[:n]}, []string{alphabet[1 : n+1], alphabet[:n], "z"}, []string{"", alphabet[:n], ""})
	}
	for _, v := range tests {
		want := codec.AppendNil(nil)
		if v != nil {
			want = codec.AppendArrayHeader(nil, len(v))
			for _, s := range v {
				want = codec.AppendString(want, s)
			}
		}
		// The shortest room that does, the longest that does not, and those around.
		for room := range len(want) + 12 {
			if got := codec.AppendStrings(make([]byte, 0, room), v); !bytes.Equal(got, want) {
				t.Fatalf("%q into %d bytes: got %q, want %q", v, room, got, want)
			}
		}
		r := codec.NewReader(want, nil)
		got := []string{"old"}
		codec.ReadStrings(r, &got)
		if err := r.Finish(); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%q: read back %q and %v", v, got, err)
		}
	}
}

// The strings of a list share memory with each other and never with the
// message, and no more of them than keeping one may keep alive.
func TestReadStringsOwnsItsMemory(t *testing.T) {
	want := []string{"a", "", "übung", strings.Repeat("b", 31), strings.Repeat("c", 31), "d", strings.Repeat("e", 40), "f", "g"}
	message := codec.AppendStrings(nil, want)
	var got []string
	codec.ReadStrings(codec.NewReader(message, nil), &got)
	clear(message)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("after the message is gone: %q, want %q", got, want)
	}

	message = codec.AppendStrings(nil, []string{"one", "two", "three"})
	r := codec.NewReader(nil, nil)
	if n := testing.AllocsPerRun(100, func() {
		r.Reset(message)
		codec.ReadStrings(r, &got)
	}); n > 1 {
		t.Errorf("three short strings take %v allocations, want 1", n)
	}
}

// Whatever is wrong with a string of a list, ReadStrings says what a loop of
// Str says.
func TestReadStringsFailsAsStrDoes(t *testing.T) {
	for _, message := range []string{
		"\x92\xa1a", "\x92\xa1a\xa2b", "\x92\xa1a\xa2\xff\xff", "\x93\xa1a\xa1b\x01", "\x92\xa1a\xd9", "\x92\xa1a\xd9\x05bc",
		"\x94\xa1a\xa8abcdefg\xff\xa1b\xa1c", "\x92\xa1a\xc0", "\x92\xc1\xa1a", "\x92\xdb\xff\xff\xff\xff\xa1a",
	} {
		var got, want []string
		r := codec.NewReader([]byte(message), nil)
		codec.ReadStrings(r, &got)
		loop := codec.NewReader([]byte(message), nil)
		codec.ReadSlice(loop, &want)
		for range want {
			loop.Str()
		}
		if r.Err() == nil || loop.Err() == nil || r.Err().Error() != loop.Err().Error() {
			t.Errorf("%q: %v, want %v", message, r.Err(), loop.Err())
		}
	}
	// Forms that are longer than they need to be are read too.
	var got []string
	r := codec.NewReader([]byte("\x94\xa1a\xd9\x01b\xda\x00\x01c\xdb\x00\x00\x00\x01d"), nil)
	if codec.ReadStrings(r, &got); r.Finish() != nil || strings.Join(got, "") != "abcd" {
		t.Errorf("got %q and %v", got, r.Err())
	}
}
