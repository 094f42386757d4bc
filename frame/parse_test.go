package frame_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/twinwire/twinwire/frame"
)

// definite are the errors that more bytes cannot mend.
var definite = []error{
	frame.ErrLength, frame.ErrVarint, frame.ErrKind, frame.ErrFlags, frame.ErrField, frame.ErrPayload,
}

// Clause 2.1: a frame that has not arrived as a whole is short, nothing else,
// wherever it is cut.
func TestParseSplit(t *testing.T) {
	for _, v := range readVectors(t).Frames {
		for i := range v.Hex {
			if i > 600 && i < len(v.Hex)-600 {
				continue // in the midst of the payload
			}
			var f frame.Frame
			if n, err := f.Parse(v.Hex[:i]); n != 0 || err != frame.ErrShort {
				t.Errorf("%s: Parse of %d of %d bytes = %d, %v, want ErrShort", v.Name, i, len(v.Hex), n, err)
			}
			size, err := frame.Size(v.Hex[:i])
			if err != nil || size != 0 && size != len(v.Hex) {
				t.Errorf("%s: Size of %d of %d bytes = %d, %v", v.Name, i, len(v.Hex), size, err)
			}
		}
	}
}

// Clause 9.3: what is refused may be refused early, but is never accepted.
func TestParseSplitOfRefused(t *testing.T) {
	for _, v := range readVectors(t).Refused {
		for i := range v.Hex {
			var f frame.Frame
			if n, err := f.Parse(v.Hex[:i]); n != 0 || err == nil {
				t.Errorf("%s: Parse of %d bytes = %d, %v", v.Name, i, n, err)
			} else if err != frame.ErrShort && !slices.Contains(definite, err) {
				t.Errorf("%s: Parse of %d bytes fails with %v", v.Name, i, err)
			}
		}
	}
}

// Clause 2.5: frames stand back to back, and none looks at its neighbour.
func TestParseBatch(t *testing.T) {
	var in []byte
	var want []vecFrame
	for _, v := range readVectors(t).Frames {
		if len(v.Hex) < 1000 {
			in = append(in, v.Hex...)
			want = append(want, v)
		}
	}
	var f frame.Frame
	for _, v := range want {
		n, err := f.Parse(in)
		if n != len(v.Hex) || err != nil {
			t.Fatalf("%s: Parse = %d, %v, want %d", v.Name, n, err, len(v.Hex))
		}
		w := v.frame(t)
		if diff := difference(&f, &w); diff != "" {
			t.Errorf("%s: behind other frames, another %s", v.Name, diff)
		}
		in = in[n:]
	}
	if len(in) > 0 {
		t.Errorf("%d bytes left over", len(in))
	}
}

// Clause 2.1: a length is compared before anything else happens to it.
func TestSize(t *testing.T) {
	tests := []struct {
		name string
		in   []byte
		size int
		err  error
	}{
		{"nothing", nil, 0, nil},
		{"half", []byte{0x40}, 0, nil},
		{"half of eight bytes", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0, nil},
		{"0", []byte{0x00}, 0, frame.ErrLength},
		{"1", []byte{0x01}, 0, frame.ErrLength},
		{"2", []byte{0x02}, 3, nil},
		{"63", []byte{0x3f}, 64, nil},
		{"64", []byte{0x40, 0x40}, 66, nil},
		{"16,383", []byte{0x7f, 0xff}, 16385, nil},
		{"16,384", []byte{0x80, 0x00, 0x40, 0x00}, 16388, nil},
		{"32,768", []byte{0x80, 0x00, 0x80, 0x00}, frame.MaxFrame, nil},
		{"32,769", []byte{0x80, 0x00, 0x80, 0x01}, 0, frame.ErrLength},
		{"2^30-1", []byte{0xbf, 0xff, 0xff, 0xff}, 0, frame.ErrLength},
		{"2^30", []byte{0xc0, 0, 0, 0, 0x40, 0, 0, 0}, 0, frame.ErrLength},
		{"2^32+2, which is 2 in 32 bits", []byte{0xc0, 0, 0, 1, 0, 0, 0, 2}, 0, frame.ErrLength},
		{"2^62-1", bytes.Repeat([]byte{0xff}, 8), 0, frame.ErrLength},
		{"2 in two bytes", []byte{0x40, 0x02}, 0, frame.ErrVarint},
	}
	for _, tt := range tests {
		if size, err := frame.Size(tt.in); size != tt.size || err != tt.err {
			t.Errorf("%s: Size = %d, %v, want %d, %v", tt.name, size, err, tt.size, tt.err)
		}
	}
}

// Clause 2.2: a kind that is not in 2.6 is an error, unless it may be ignored.
func TestParseUnknownKinds(t *testing.T) {
	known := map[frame.Kind]bool{}
	for _, k := range kinds {
		known[k.kind] = true
		if k.kind.String() != k.name {
			t.Errorf("kind %#x is called %s, want %s", uint8(k.kind), k.kind, k.name)
		}
	}
	for b := range 256 {
		k := frame.Kind(b)
		if k.Known() != known[k] {
			t.Errorf("kind %#x: Known is %v", b, k.Known())
		}
		if k.Known() {
			continue
		}
		if (k &^ 0x20).Packs() {
			continue // a known kind with a compressed payload
		}
		var f frame.Frame
		n, err := f.Parse([]byte{4, byte(b), 0xfb, 9, 9})
		switch {
		case b < 0x80 && err != frame.ErrKind:
			t.Errorf("kind %#x: Parse = %d, %v, want ErrKind", b, n, err)
		case b >= 0x80 && (n != 5 || err != nil || f.Kind != k || f.Lane != 3 || f.Seq != uint64(b&0x40>>6)*9):
			t.Errorf("kind %#x: Parse = %d, %v, %v", b, n, err, &f)
		}
	}
}

// Clauses 2.2 and 2.6: no kind takes a flag that it does not have, and those
// of lane 0 take no other lane.
func TestParseFlagsAndLanes(t *testing.T) {
	for _, v := range readVectors(t).Frames {
		i := slices.IndexFunc(kinds, func(k kindRow) bool { return k.name == v.Kind })
		if i < 0 {
			t.Errorf("%s: no kind %s", v.Name, v.Kind)
			continue
		}
		_, n := frame.Varint(v.Hex)
		in := bytes.Clone(v.Hex)
		for bit := range 5 {
			flag := byte(frame.F1 << bit)
			if kinds[i].has(bit) {
				continue
			}
			in[n+1] ^= flag
			if _, err := new(frame.Frame).Parse(in); err != frame.ErrFlags {
				t.Errorf("%s with flag F%d: %v, want ErrFlags", v.Name, bit+1, err)
			}
			in[n+1] ^= flag
		}
		for lane := range byte(frame.MaxLanes) {
			in[n+1] = in[n+1]&^7 | lane
			var f frame.Frame
			_, err := f.Parse(in)
			switch {
			case kinds[i].lane0 && lane != 0:
				if err != frame.ErrField {
					t.Errorf("%s in lane %d: %v, want ErrField", v.Name, lane, err)
				}
			case err != nil || f.Lane != lane:
				t.Errorf("%s in lane %d: lane %d, %v", v.Name, lane, f.Lane, err)
			}
		}
	}
}

// A number or a string that says 2^62-1 costs nothing but an error: nothing
// is allocated for it, and nothing is read out of bounds.
func TestParseHugeFields(t *testing.T) {
	for _, v := range readVectors(t).Frames {
		if len(v.Hex) > 200 {
			continue
		}
		_, n := frame.Varint(v.Hex)
		body := v.Hex[n:]
		for i := 2; i <= len(body); i++ {
			in := frame.AppendVarint(nil, uint64(i+8))
			in = append(in, body[:i]...)
			in = binary.BigEndian.AppendUint64(in, 1<<64-1)
			var f frame.Frame
			if allocs := testing.AllocsPerRun(1, func() { _, _ = f.Parse(in) }); allocs > 0 {
				t.Errorf("%s: %d bytes and 2^62-1: %v allocations", v.Name, i, allocs)
			}
		}
	}
}

// Parse starts from nothing: a frame that was used before leaves no trace.
func TestParseForgetsWhatWasThere(t *testing.T) {
	vs := readVectors(t).Frames
	var used frame.Frame
	for _, first := range vs {
		for _, second := range vs {
			if len(first.Hex) > 600 || len(second.Hex) > 600 {
				continue
			}
			if _, err := used.Parse(first.Hex); err != nil {
				t.Fatal(first.Name, err)
			}
			if _, err := used.Parse(second.Hex); err != nil {
				t.Fatal(second.Name, err)
			}
			want := second.frame(t)
			if diff := difference(&used, &want); diff != "" {
				t.Errorf("%s, then %s: %s", first.Name, second.Name, diff)
			}
		}
	}
}

// What Parse borrows ends where it ends: to append to it never writes into
// the field or the frame behind it.
func TestParseBorrowsWithoutRoom(t *testing.T) {
	for _, v := range readVectors(t).Frames {
		in := append(bytes.Clone(v.Hex), 0x5a)
		var f frame.Frame
		if _, err := f.Parse(in); err != nil {
			t.Fatal(v.Name, err)
		}
		want := bytes.Clone(in)
		for _, s := range [][]byte{f.Name, f.Meta, f.Payload} {
			_ = append(s, 0xa5)
		}
		if !bytes.Equal(in, want) {
			t.Errorf("%s: an append to a field changed the input", v.Name)
		}
	}
}

// Clause 9.3: a reason is at most 120 bytes.
func TestReasonsAreShort(t *testing.T) {
	for _, err := range append(definite, frame.ErrShort) {
		if n := len(err.Error()); n == 0 || n > frame.MaxReason {
			t.Errorf("%q has %d bytes", err, n)
		}
	}
	if errors.Is(frame.ErrLength, frame.ErrShort) {
		t.Error("ErrLength is ErrShort")
	}
}

func TestFlagsOfMore(t *testing.T) {
	// Clause 6.6: F2 is the low bit of the number.
	want := map[int]frame.Flags{
		frame.OfCall:  0,
		frame.OfReply: frame.F2,
		frame.OfState: frame.F3,
		frame.OfEvent: frame.F2 | frame.F3,
	}
	for of, flags := range want {
		if got := frame.OfFlags(of); got != flags {
			t.Errorf("OfFlags(%d) = %#x, want %#x", of, got, flags)
		}
		if got := (flags | frame.HasMore).Of(); got != of {
			t.Errorf("(%#x).Of() = %d, want %d", flags, got, of)
		}
	}
}

func TestNamedRef(t *testing.T) {
	// Clause 6.2: 0 and odd numbers are followed by a name.
	for ref, want := range map[uint64]bool{0: true, 1: true, 2: false, 3: true, 4: false, frame.MaxVarint: true} {
		if got := frame.NamedRef(ref); got != want {
			t.Errorf("NamedRef(%d) = %v", ref, got)
		}
	}
}
