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
