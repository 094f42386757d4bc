package node_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/internal/leak"
	"github.com/twinwire/twinwire/state"
	"github.com/twinwire/twinwire/state/node"
	"github.com/twinwire/twinwire/state/reflective"
)

func TestMain(m *testing.M) { leak.Main(m) }

// A holder has one field, F; holderNode is its node whatever F is.
type holder[T any] struct{ F T }

type holderNode[T any, N node.Node[T]] struct{ node.Fields[holder[T]] }

func (holderNode[T, N]) Write(w *node.Writer, v *holder[T], levels int) {
	if w.Enter(levels) {
		var n N
		w.B = codec.AppendString(codec.AppendMapHeader(w.B, 1), "F")
		n.Write(w, &v.F, levels-1)
		w.At(".F")
	}
}

func (holderNode[T, N]) Read(r *codec.Reader, v *holder[T]) {
	for range r.MapHeader() {
		if string(r.MapKey()) != "F" {
			r.Skip()
			continue
		}
		var n N
		v.F = *new(T)
		n.Read(r, &v.F)
	}
	r.Leave()
}

func (holderNode[T, N]) Equal(x, y *holder[T]) bool {
	var n N
	return n.Equal(&x.F, &y.F)
}

func (holderNode[T, N]) Clone(dst, src *holder[T]) {
	var n N
	n.Clone(&dst.F, &src.F)
}

func (holderNode[T, N]) Items(w *node.Writer, prev, next *holder[T], levels int) node.Size {
	var n N
	size := node.Size{Parts: 1}
	node.WriteField(w, &size, 0, ".F", n, &prev.F, &next.F, levels)
	return size
}

func (n holderNode[T, N]) Apply(r *codec.Reader, v *holder[T], b *node.Binding, count int) {
	last := -1
	for values := 0; count > 0 && r.Err() == nil; count -= values {
		values, last = n.Item(r, v, b, count, last)
	}
}

func (holderNode[T, N]) Item(r *codec.Reader, v *holder[T], b *node.Binding, count, last int) (values, theirs int) {
	tag := node.ReadTag(r, b, count, last)
	if tag.Own == 0 {
		var n N
		node.ReadField(r, n, &v.F, tag.What)
	}
	return tag.Values, tag.Theirs
}

// holderRoot is the root; structs says that there are scores in F.
type holderRoot[T any, N node.Node[T]] struct{ holderNode[T, N] }

func (holderRoot[T, N]) Table() state.Table {
	if strings.Contains(fmt.Sprintf("%T", *new(T)), "score") {
		return state.Table{{{Name: "F", Type: 1}}, {{Name: "Player", Type: -1}, {Name: "Points", Type: -1}}}
	}
	return state.Table{{{Name: "F", Type: -1}}}
}

func (n holderRoot[T, N]) Find(own int, name string) (field, leaf int) {
	if own == 1 {
		return scoreRoot{}.Find(0, name)
	}
	if name == "F" {
		return 0, n.Table()[0][0].Type
	}
	return -1, -1
}

// twoBytes and fourScores lend the elements of arrays.
type (
	twoBytes   struct{}
	fourScores struct{}
)

func (twoBytes) Of(v *[2]byte) []byte     { return v[:] }
func (fourScores) Of(v *[4]score) []score { return v[:] }

// Every kind of node writes what the reference writes, and reads it.
func TestKinds(t *testing.T) {
	one, two := "one", "two"
	kind[bool, node.Bool[bool]](t, false, true)
	kind[string, node.String[string]](t, "", "a", strings.Repeat("b", 40))
	kind[int, node.Int[int]](t, 0, -1, math.MaxInt)
	kind[int8, node.Int8[int8]](t, 0, -128)
	kind[int16, node.Int16[int16]](t, 0, -129)
	kind[int32, node.Int32[int32]](t, 0, 1<<20)
	kind[time.Duration, node.Int64[time.Duration]](t, 0, time.Hour)
	kind[uint, node.Uint[uint]](t, 0, 200)
	kind[uint8, node.Uint8[uint8]](t, 0, 200)
	kind[uint16, node.Uint16[uint16]](t, 0, 60000)
	kind[uint32, node.Uint32[uint32]](t, 0, 1<<31)
	kind[uint64, node.Uint64[uint64]](t, 0, math.MaxUint64)
	kind[float32, node.Float32[float32]](t, 0, 1.5, float32(math.NaN()), float32(math.Inf(1)))
	kind[float64, node.Float64[float64]](t, 0, math.Copysign(0, -1), math.NaN())
	kind[time.Time, node.Time](t, time.Time{}, time.Unix(5, 7))
	kind[[]byte, node.Bytes[[]byte]](t, nil, []byte{}, []byte("binary data"), []byte("binary, data"), []byte("binary, data and more"))
	kind[[2]byte, node.ByteArray[[2]byte, twoBytes]](t, [2]byte{}, [2]byte{1, 2})
	kind[*string, node.Pointer[*string, string, node.String[string]]](t, nil, &one, &two)
	kind[score, scoreNode](t, score{}, score{"a", 1}, score{"a", 2})
	kind[*score, node.Pointer[*score, score, scoreNode]](t, nil, &score{"a", 1}, &score{"b", 1})
	kind[[4]score, node.Array[[4]score, score, scoreNode, fourScores]](t, [4]score{}, [4]score{2: {"a", 1}}, [4]score{2: {"a", 2}, 3: {"b", 1}})
	kind[netip.Addr, node.Plain[netip.Addr, node.Binary[netip.Addr, *netip.Addr]]](t, netip.Addr{}, netip.IPv4Unspecified())
	kind[codec.Raw, node.Hook[codec.Raw, node.Codec[codec.Raw, *codec.Raw]]](t, codec.Raw{0xc0}, codec.Raw{1}, codec.Raw{0x91, 1})
	kind[stamp, node.Plain[stamp, node.Text[stamp, *stamp]]](t, stamp{}, stamp{5})
}

// A stamp is carried as text.
type stamp struct{ n int }

func (s *stamp) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "<%d>", s.n), nil }
func (s *stamp) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "<%d>", &s.n)
	return err
}

// kind goes from each value to each other.
func kind[T any, N node.Node[T]](t *testing.T, values ...T) {
	t.Helper()
	for i := range values {
		for j := range values {
			same[T, N](t, &holder[T]{values[i]}, &holder[T]{values[j]})
		}
	}
}

// same holds the schema by nodes to the one by reflection, for the change of
// prev to next.
func same[T any, N node.Node[T]](t testing.TB, prev, next *holder[T]) {
	t.Helper()
	var nodes state.Schema[holder[T]] = node.Schema[holder[T], holderRoot[T, N]]{}
	reference, err := reflective.Of[holder[T]]()
	if err != nil {
		t.Fatal(err)
	}
	table := nodes.AppendTable(nil)
	if want := reference.AppendTable(nil); !bytes.Equal(table, want) {
		t.Fatalf("table %q, reference %q", table, want)
	}
	value := func(v *holder[T]) []byte {
		b, err := nodes.AppendValue(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		if want, _ := reference.AppendValue(nil, v); !bytes.Equal(b, want) {
			t.Fatalf("value %q, reference %q", b, want)
		}
		return b
	}
	before, after := value(prev), value(next)
	delta, err := nodes.AppendDelta(nil, prev, next)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := reference.AppendDelta(nil, prev, next); !bytes.Equal(delta, want) {
		t.Fatalf("delta %q, reference %q", delta, want)
	}
	for _, schema := range []state.Schema[holder[T]]{nodes, reference} {
		decoder, err := schema.ReadTable(codec.NewReader(table, nil))
		if err != nil {
			t.Fatal(err)
		}
		var v holder[T]
		if err := decoder.ReadValue(codec.NewReader(before, nil), &v); err != nil {
			t.Fatal(err)
		}
		v = nodes.Clone(&v)
		if err := decoder.ApplyDelta(codec.NewReader(delta, nil), &v); err != nil {
			t.Fatalf("delta %q: %v", delta, err)
		}
		if got := value(&v); !bytes.Equal(got, after) {
			t.Fatalf("%q became %q, want %q", before, got, after)
		}
	}
}

type (
	scoreMap   = node.Map[map[string]score, string, score, node.String[string], scoreNode]
	scoreSlice = node.Slice[[]score, score, scoreNode]
)

// Random changes of maps and slices.
func TestRandomChanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	some := func() score { return score{fmt.Sprint("p", rng.IntN(4)), rng.IntN(4)} }
	for range 3000 {
		a, b := map[string]score{}, map[string]score{}
		for range rng.IntN(12) {
			k, s := fmt.Sprint("k", rng.IntN(20)), some()
			a[k], b[k] = s, s
		}
		for range rng.IntN(4) {
			b[fmt.Sprint("k", rng.IntN(20))] = some()
			delete(b, fmt.Sprint("k", rng.IntN(20)))
		}
		same[map[string]score, scoreMap](t, &holder[map[string]score]{a}, &holder[map[string]score]{b})

		var c []score
		for range rng.IntN(12) {
			c = append(c, some())
		}
		d := append([]score(nil), c...)
		for range rng.IntN(4) {
			i := rng.IntN(len(d) + 1)
			d = append(d[:i:i], append([]score{some()}, d[min(len(d), i+rng.IntN(2)):]...)...)
		}
		same[[]score, scoreSlice](t, &holder[[]score]{c}, &holder[[]score]{d})
	}
}

// What cannot be written is named by its place.
func TestPathOfError(t *testing.T) {
	schema := node.Schema[holder[map[string]score], holderRoot[map[string]score, scoreMap]]{}
	bad := holder[map[string]score]{map[string]score{"a": {Player: "\xff"}}}
	const want = ".F[].Player: string is not valid UTF-8: "
	if _, err := schema.AppendValue(nil, &bad); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("value: %v", err)
	}
	good := holder[map[string]score]{map[string]score{}}
	if _, err := schema.AppendDelta(nil, &good, &bad); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("delta: %v", err)
	}
}

// FuzzApply holds the reading of deltas of maps and slices to the reference.
func FuzzApply(f *testing.F) {
	f.Add([]byte("\x81\xa1F\x81\xa1a\x82\xa6Player\xa1x\xa6Points\x01"), []byte("\x03\x93\x03\xa1a\x92\x04\x05"), true)
	f.Add([]byte("\x81\xa1F\x91\x82\xa6Player\xa1x\xa6Points\x01"), []byte("\x03\x97\x03\x00\x92\x04\x05\x04\x00\x01\x90"), false)
	f.Fuzz(func(t *testing.T, from, delta []byte, asMap bool) {
		if asMap {
			apply[map[string]score, scoreMap](t, from, delta)
		} else {
			apply[[]score, scoreSlice](t, from, delta)
		}
	})
}

func apply[T any, N node.Node[T]](t *testing.T, from, delta []byte) {
	reference, err := reflective.Of[holder[T]]()
	if err != nil {
		t.Fatal(err)
	}
	var values [2][]byte
	var errs [2]error
	for i, schema := range []state.Schema[holder[T]]{node.Schema[holder[T], holderRoot[T, N]]{}, reference} {
		decoder, err := schema.ReadTable(codec.NewReader(reference.AppendTable(nil), nil))
		if err != nil {
			t.Fatal(err)
		}
		var v holder[T]
		r := codec.NewReader(from, &codec.Limits{Memory: 1 << 20})
		if errs[i] = decoder.ReadValue(r, &v); errs[i] == nil {
			r.Reset(delta)
			errs[i] = decoder.ApplyDelta(r, &v)
		}
		if errs[i] == nil {
			values[i], _ = reference.AppendValue(nil, &v)
		}
	}
	if (errs[0] == nil) != (errs[1] == nil) || !bytes.Equal(values[0], values[1]) {
		t.Fatalf("%v, reference %v\n%q\n%q", errs[0], errs[1], values[0], values[1])
	}
}
