package lab_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/ts/testserver/lab"
)

var update = flag.Bool("update", false, "write the vectors anew")

const vectorsFile = "../../test/vectors.json"

// values are what both sides must encode to the same bytes, when what is nil
// is empty, as TypeScript has it. Maps have at most one entry, for they have no
// order.
var values = map[string]lab.Everything{
	"zero": {Time: time.Unix(0, 0).UTC()},
	"least": {
		Small: math.MinInt8, Int: math.MinInt32, Big: math.MinInt64, Half: -math.MaxFloat32, Whole: math.SmallestNonzeroFloat64,
		Text: "\x00", Bytes: []byte{}, Time: time.Unix(-1, 999_999_999).UTC(), Duration: -1, List: []string{""}, Map: map[string]int32{"": -1},
	},
	"most": {
		Bool: true, Small: math.MaxInt8, Int: math.MaxInt32, Big: math.MaxInt64, Huge: math.MaxUint64, Half: math.MaxFloat32, Whole: math.MaxFloat64,
		Text: strings.Repeat("ž", 300), Bytes: bytes.Repeat([]byte{255}, 300), Hash: [4]byte{1, 2, 3, 4},
		Time: time.Unix(1<<34, 1).UTC(), Duration: math.MaxInt32, List: make([]string, 20), Pair: [2]uint16{0, math.MaxUint16},
		Numbers: map[int64]string{math.MaxInt64: "most"}, Next: &lab.Inner{Name: "next", Count: math.MaxUint32}, Inner: lab.Inner{Name: "inner"},
		Many: make([]lab.Inner, 17),
	},
	"in between": {
		Small: -33, Int: -129, Big: 1 << 53, Huge: 1<<53 - 1, Half: 0.5, Whole: -0.1, Text: strings.Repeat("a", 32), Bytes: make([]byte, 256),
		Time: time.Unix(1<<32, 0).UTC(), Duration: time.Hour, Map: map[string]int32{strings.Repeat("k", 200): 65536},
		Numbers: map[int64]string{-129: "\U0001f40e"},
	},
}

// filled returns v without nil slices and maps.
func filled(v lab.Everything) lab.Everything {
	if v.Bytes == nil {
		v.Bytes = []byte{}
	}
	if v.List == nil {
		v.List = []string{}
	}
	if v.Map == nil {
		v.Map = map[string]int32{}
	}
	if v.Numbers == nil {
		v.Numbers = map[int64]string{}
	}
	if v.Many == nil {
		v.Many = []lab.Inner{}
	}
	return v
}

// The vectors that the TypeScript client is held to are those of this side.
func TestVectors(t *testing.T) {
	want := make(map[string]string)
	for name, v := range values {
		b, err := filled(v).AppendMsgpack(nil)
		if err != nil {
			t.Fatal(err)
		}
		want[name] = hex.EncodeToString(b)
	}
	if *update {
		b, err := json.MarshalIndent(want, "", "\t")
		if err == nil {
			err = os.WriteFile(vectorsFile, append(b, '\n'), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Errorf("%d vectors in place of %d", len(got), len(want))
	}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s: the file is not current: run go test -update", name)
		}
		raw, err := hex.DecodeString(got[name])
		if err != nil {
			t.Fatal(err)
		}
		var v lab.Everything
		if err := v.ReadMsgpack(codec.NewReader(raw, nil)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
