package frame_test

import (
	"bytes"
	"testing"

	"github.com/twinwire/twinwire/frame"
)

// Clause 1.3: each value has one encoding, and every part of it is too short.
func TestVarint(t *testing.T) {
	for _, v := range readVectors(t).Varints {
		value := uint64(v.Value)
		if got := frame.AppendVarint(nil, value); !bytes.Equal(got, v.Hex) {
			t.Errorf("AppendVarint(%d) = %x, want %x", value, got, []byte(v.Hex))
		}
		if got := frame.VarintLen(value); got != len(v.Hex) {
			t.Errorf("VarintLen(%d) = %d, want %d", value, got, len(v.Hex))
		}
		if got, n := frame.Varint(append(v.Hex, 0xff)); got != value || n != len(v.Hex) {
			t.Errorf("Varint(%x) = %d, %d, want %d, %d", []byte(v.Hex), got, n, value, len(v.Hex))
		}
		for i := range v.Hex {
			if got, n := frame.Varint(v.Hex[:i]); got != 0 || n != 0 {
				t.Errorf("Varint(%x) = %d, %d, want 0, 0", []byte(v.Hex[:i]), got, n)
			}
		}
	}
}

// Clause 1.3: readers refuse what is not in its shortest form.
func TestVarintShortestForm(t *testing.T) {
	for _, in := range [][]byte{
		{0x40, 0x00},
		{0x40, 0x3f},
		{0x80, 0x00, 0x00, 0x00},
		{0x80, 0x00, 0x3f, 0xff},
		{0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00},
		{0xc0, 0x00, 0x00, 0x00, 0x3f, 0xff, 0xff, 0xff},
	} {
		if v, n := frame.Varint(in); v != 0 || n != -1 {
			t.Errorf("Varint(%x) = %d, %d, want 0, -1", in, v, n)
		}
	}
}

func TestAppendVarintPanicsBeyondTheLargest(t *testing.T) {
	mustPanic(t, func() { frame.AppendVarint(nil, frame.MaxVarint+1) })
}

func mustPanic(t *testing.T, do func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	do()
}
