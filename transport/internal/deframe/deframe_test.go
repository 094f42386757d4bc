package deframe

import (
	"bytes"
	"errors"
	"testing"

	"github.com/twinwire/twinwire/frame"
)

// Clause 2.1: the length of a frame is 2 to 32,768.
func TestWhole(t *testing.T) {
	small := []byte{2, 0x41, 0}
	long := append(frame.AppendVarint(nil, frame.MaxBody), make([]byte, frame.MaxBody)...)
	for name, test := range map[string]struct {
		b       []byte
		n, need int
		err     error
	}{
		"Empty":       {},
		"One":         {b: small, n: 3},
		"Two":         {b: append(small, small...), n: 6},
		"Cut":         {b: append(small, small[:2]...), n: 3, need: 3},
		"CutLength":   {b: append(small, 0x80), n: 3},
		"Longest":     {b: long, n: frame.MaxFrame},
		"LongestHead": {b: long[:4], need: frame.MaxFrame},
		"TooLong":     {b: frame.AppendVarint(nil, frame.MaxBody+1), err: frame.ErrLength},
		"Zero":        {b: append(small, 0), n: 3, err: frame.ErrLength},
		"One long":    {b: []byte{1, 1}, err: frame.ErrLength},
		"NotShortest": {b: []byte{0x40, 2, 0x41, 0}, err: frame.ErrVarint},
	} {
		if n, need, err := Whole(test.b); n != test.n || need != test.need || !errors.Is(err, test.err) {
			t.Errorf("%s: Whole = %d, %d, %v, want %d, %d, %v", name, n, need, err, test.n, test.need, test.err)
		}
	}
}

// Clause 4.4: HELLO opens lane 0, ATTACH every other.
func TestOpening(t *testing.T) {
	for kind := range 256 {
		for lane := range frame.MaxLanes {
			want, wantErr := -1, ErrOpening
			if kind == int(frame.Hello) && lane == 0 || kind == int(frame.Attach) && lane > 0 {
				want, wantErr = lane, nil
			}
			b := []byte{2, byte(kind), byte(lane) | 0xf8}
			if got, err := Opening(b); got != want || err != wantErr {
				t.Errorf("kind %#x, lane %d: Opening = %d, %v", kind, lane, got, err)
			}
			for n := range len(b) {
				if got, err := Opening(b[:n]); got != -1 || err != nil {
					t.Errorf("%d bytes: Opening = %d, %v", n, got, err)
				}
			}
		}
	}
}

// Whole agrees with a walk by frame.Size, and finds the same frames however
// the bytes are cut.
func FuzzWhole(f *testing.F) {
	f.Add([]byte{2, 0x41, 0, 3, 1, 2, 3}, 2)
	f.Add([]byte{0x80, 0, 0, 5, 1, 2, 3, 4, 5}, 1)
	f.Add(bytes.Repeat([]byte{0x40, 0x40}, 70), 9)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		n, need, err := Whole(b)
		walked := 0
		for walked < len(b) {
			size, sizeErr := frame.Size(b[walked:])
			if sizeErr != nil || size == 0 || walked+size > len(b) {
				if sizeErr != err || need != size {
					t.Fatalf("Whole = %d, %d, %v; frame.Size there = %d, %v", n, need, err, size, sizeErr)
				}
				break
			}
			walked += size
		}
		if walked != n {
			t.Fatalf("Whole = %d, walk %d", n, walked)
		}
		if need > frame.MaxFrame {
			t.Fatalf("need %d bytes for a frame", need)
		}
		if (Batch(b) == nil) != (err == nil && n == len(b) && n > 0) {
			t.Fatalf("Batch = %v, Whole = %d of %d, %v", Batch(b), n, len(b), err)
		}
		if cut < 0 || cut > len(b) {
			return
		}
		m, _, _ := Whole(b[:cut])
		rest, _, again := Whole(b[m:])
		if m+rest != n || !errors.Is(again, err) {
			t.Fatalf("in two parts: %d+%d, %v; at once %d, %v", m, rest, again, n, err)
		}
	})
}
