package frame_test

import (
	"bytes"
	"testing"

	"github.com/twinwire/twinwire/frame"
)

// Clause 6.3, both ways.
func TestMetadata(t *testing.T) {
	for _, v := range readVectors(t).Metadata {
		t.Run(v.Name, func(t *testing.T) {
			var got [][2][]byte
			err := frame.ParseMetadata(v.Hex, func(key, value []byte) { got = append(got, [2][]byte{key, value}) })
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(v.Pairs) {
				t.Fatalf("%d pairs, want %d", len(got), len(v.Pairs))
			}
			var b []byte
			for i, want := range v.Pairs {
				if !bytes.Equal(got[i][0], want[0]) || !bytes.Equal(got[i][1], want[1]) {
					t.Errorf("pair %d is %x, want %x", i, got[i], want)
				}
				b = frame.AppendPair(b, string(want[0]), string(want[1]))
			}
			if !bytes.Equal(b, v.Hex) {
				t.Errorf("AppendPair gives %s, want %s", short(b), short(v.Hex))
			}
		})
	}
}

func TestMetadataRefused(t *testing.T) {
	for _, v := range readVectors(t).MetadataRefused {
		if err := frame.ParseMetadata(v.Hex, func(_, _ []byte) {}); err != frame.ErrField {
			t.Errorf("%s: %v, want ErrField", v.Name, err)
		}
	}
}

// Clauses 6.2 and 6.3: what methods, types and keys may be called.
func TestNames(t *testing.T) {
	long := string(bytes.Repeat([]byte{'a'}, frame.MaxName))
	tests := []struct {
		name                 string
		method, typ, metakey bool
	}{
		{"", false, true, false},
		{"a", true, true, true},
		{"room/42.get_it-now", true, true, true},
		{"Counter.Increment", true, true, false},
		{long, true, true, true},
		{long + "a", false, false, false},
		{"a b", false, false, false},
		{"a\x00", false, false, false},
		{"é", false, false, false},
		{"a:b", false, false, false},
		{"@", false, false, false},
		{"[", false, false, false},
		{"`", false, false, false},
		{"{", false, false, false},
	}
	for _, tt := range tests {
		if got := frame.ValidMethod(tt.name); got != tt.method {
			t.Errorf("ValidMethod(%q) = %v", tt.name, got)
		}
		if got := frame.ValidType([]byte(tt.name)); got != tt.typ {
			t.Errorf("ValidType(%q) = %v", tt.name, got)
		}
		if got := frame.ValidKey(tt.name); got != tt.metakey {
			t.Errorf("ValidKey(%q) = %v", tt.name, got)
		}
	}
}
