package frame_test

import (
	"bytes"
	"testing"

	"github.com/twinwire/twinwire/frame"
)

// Whatever Parse accepts has one encoding, and Append writes it (clause 1.3).
func FuzzParse(f *testing.F) {
	vs := readVectors(f)
	for _, v := range vs.Frames {
		f.Add([]byte(v.Hex))
	}
	for _, v := range vs.Ignored {
		f.Add([]byte(v.Hex))
	}
	for _, v := range vs.Refused {
		f.Add([]byte(v.Hex))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		size, sizeErr := frame.Size(in)
		var fr frame.Frame
		n, err := fr.Parse(in)
		if err != nil {
			if n != 0 {
				t.Fatalf("Parse = %d, %v", n, err)
			}
			if short := sizeErr == nil && (size == 0 || size > len(in)); short != (err == frame.ErrShort) {
				t.Fatalf("Parse fails with %v, Size = %d, %v of %d bytes", err, size, sizeErr, len(in))
			}
			return
		}
		if n != size || sizeErr != nil || n > frame.MaxFrame {
			t.Fatalf("Parse takes %d bytes, Size = %d, %v", n, size, sizeErr)
		}
		if !fr.Kind.Known() {
			if !fr.Kind.Ignorable() {
				t.Fatalf("Parse accepts %v", fr.Kind)
			}
			return
		}
		if out := frame.Append(nil, &fr); !bytes.Equal(out, in[:n]) {
			t.Fatalf("Append gives\n%x for\n%x", out, in[:n])
		}
		if head := n - len(fr.Payload); head > frame.MaxHead(&fr) {
			t.Fatalf("%d bytes beside the payload, MaxHead says %d", head, frame.MaxHead(&fr))
		}
	})
}

// Whatever ParseMetadata accepts is within clause 6.3 and AppendPair writes
// it.
func FuzzMetadata(f *testing.F) {
	vs := readVectors(f)
	for _, v := range vs.Metadata {
		f.Add([]byte(v.Hex))
	}
	for _, v := range vs.MetadataRefused {
		f.Add([]byte(v.Hex))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var out []byte
		var last string
		pairs := 0
		err := frame.ParseMetadata(in, func(key, value []byte) {
			if !frame.ValidKey(key) || string(key) <= last {
				t.Fatalf("key %q after %q", key, last)
			}
			last = string(key)
			out = frame.AppendPair(out, last, string(value))
			pairs++
		})
		switch {
		case pairs > frame.MaxPairs || len(out) > frame.MaxMetadata:
			t.Fatalf("%d pairs in %d bytes", pairs, len(out))
		case err == nil && !bytes.Equal(in, out):
			t.Fatalf("AppendPair gives\n%x for\n%x", out, in)
		case err != nil && !bytes.HasPrefix(in, out):
			t.Fatalf("the pairs given are\n%x, not of\n%x", out, in)
		}
	})
}

// Every value has one encoding (clause 1.3).
func FuzzVarint(f *testing.F) {
	for _, v := range readVectors(f).Varints {
		f.Add([]byte(v.Hex), uint64(v.Value))
	}
	f.Fuzz(func(t *testing.T, in []byte, value uint64) {
		if v, n := frame.Varint(in); n > 0 {
			if out := frame.AppendVarint(nil, v); !bytes.Equal(out, in[:n]) || frame.VarintLen(v) != n {
				t.Fatalf("AppendVarint gives %x for %x", out, in[:n])
			}
		} else if v != 0 || n < -1 || n == 0 && len(in) >= 8 {
			t.Fatalf("Varint(%x) = %d, %d", in, v, n)
		}
		value &= frame.MaxVarint
		if v, n := frame.Varint(frame.AppendVarint(nil, value)); v != value || n != frame.VarintLen(value) {
			t.Fatalf("%d comes back as %d in %d bytes", value, v, n)
		}
	})
}
