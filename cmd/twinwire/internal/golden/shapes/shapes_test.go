package shapes

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/fill"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/codec/reflective"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// The same fields without the generated methods, for the reference.
type (
	plainScalars    Scalars
	plainContainers Containers
	plainStructs    Structs
	plainHooks      Hooks
	plainOmits      Omits
	plainDynamic    Dynamic
	plainLine       Line
)

// message is what a generated type is.
type message[T any] interface {
	*T
	codec.Marshaler
	codec.Unmarshaler
}

func reference(t testing.TB, v any) []byte {
	t.Helper()
	b, err := reflective.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// canonical returns message b with the entries of all maps in order.
func canonical(t testing.TB, b []byte) []byte {
	t.Helper()
	var v any
	if err := reflective.Unmarshal(b, &v, nil); err != nil {
		t.Fatal(err)
	}
	return reference(t, v)
}

// roundTrips holds generated code of T against the reference, which sees the
// same fields as a P.
func roundTrips[T any, M message[T], P any](t *testing.T, plain func(*T) *P) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		size := i % 4
		v := fill.Value[T](rng, size)
		raw := reference(t, *plain(&v))
		want := canonical(t, raw)
		got, err := M(&v).AppendMsgpack([]byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		got = got[len("before"):]
		if again := canonical(t, got); !bytes.Equal(again, want) || len(got) != len(raw) {
			t.Fatalf("wrote\n%x, reference\n%x of\n%+v", got, raw, v)
		}
		var back T
		r := codec.NewReader(got, nil)
		if err := M(&back).ReadMsgpack(r); err != nil {
			t.Fatalf("reading %x: %v", got, err)
		}
		if err := r.Finish(); err != nil {
			t.Fatal(err)
		}
		if again := canonical(t, reference(t, *plain(&back))); !bytes.Equal(again, want) {
			t.Fatalf("read\n%+v, want\n%+v", back, v)
		}
		var other P
		if err := reflective.Unmarshal(got, &other, nil); err != nil {
			t.Fatalf("reference reading %x: %v", got, err)
		}
		if again := canonical(t, reference(t, other)); !bytes.Equal(again, want) {
			t.Fatalf("reference read\n%+v, want\n%+v", other, v)
		}
	}
}

func TestRoundTrips(t *testing.T) {
	t.Run("scalars", func(t *testing.T) {
		roundTrips(t, func(v *Scalars) *plainScalars { return (*plainScalars)(v) })
	})
	t.Run("containers", func(t *testing.T) {
		roundTrips(t, func(v *Containers) *plainContainers { return (*plainContainers)(v) })
	})
	t.Run("structs", func(t *testing.T) {
		roundTrips(t, func(v *Structs) *plainStructs { return (*plainStructs)(v) })
	})
	t.Run("hooks", func(t *testing.T) {
		roundTrips(t, func(v *Hooks) *plainHooks { return (*plainHooks)(v) })
	})
	t.Run("omitempty", func(t *testing.T) {
		roundTrips(t, func(v *Omits) *plainOmits { return (*plainOmits)(v) })
	})
	t.Run("any", func(t *testing.T) {
		roundTrips(t, func(v *Dynamic) *plainDynamic { return (*plainDynamic)(v) })
	})
	t.Run("local struct", func(t *testing.T) {
		roundTrips(t, func(v *Line) *plainLine { return (*plainLine)(v) })
	})
}

// What does not fit is refused, wherever it stands.
func TestRange(t *testing.T) {
	for name, message := range map[string]string{
		"300 for a uint8":     "\x81\xa2U8\xcd\x01\x2c",
		"-1 for a uint":       "\x81\xa1U\xff",
		"128 for a int8 type": "\x81\xa1L\xcc\x80",
		"string for a number": "\x81\xa1I\xa11",
		"cut":                 "\x81\xa1I",
	} {
		var v Scalars
		if err := v.ReadMsgpack(codec.NewReader([]byte(message), nil)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A name of before is read as well, and one that is unknown skipped.
func TestNames(t *testing.T) {
	var v Omits
	r := codec.NewReader([]byte("\x83\xa3old\xa1x\xa7unknown\x92\x01\x80\xa1i\x05"), nil)
	if err := v.ReadMsgpack(r); err != nil {
		t.Fatal(err)
	}
	if v.O != "x" || v.I != 5 {
		t.Errorf("got %+v", v)
	}
}

// agree holds a generated decoder against the reference.
func agree[T any, M message[T], P any](t *testing.T, b []byte, plain func(*T) *P) {
	t.Helper()
	var (
		got  T
		want P
	)
	r := codec.NewReader(b, nil)
	err := M(&got).ReadMsgpack(r)
	if err == nil {
		err = r.Finish()
	}
	if referenceErr := reflective.Unmarshal(b, &want, nil); (err == nil) != (referenceErr == nil) {
		t.Fatalf("%T: error %v, reference %v, for %x", got, err, referenceErr, b)
	}
	if err != nil {
		return
	}
	x, errX := reflective.Append(nil, *plain(&got))
	y, errY := reflective.Append(nil, want)
	if (errX == nil) != (errY == nil) || errX == nil && !bytes.Equal(canonical(t, x), canonical(t, y)) {
		t.Fatalf("read %+v, reference %+v", got, want)
	}
}

func FuzzDecoders(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 5 {
		for _, v := range []any{fill.Value[plainScalars](rng, 2), fill.Value[plainContainers](rng, 2), fill.Value[plainStructs](rng, 2),
			fill.Value[plainHooks](rng, 2), fill.Value[plainOmits](rng, 2), fill.Value[plainDynamic](rng, 2)} {
			f.Add(reference(f, v))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		agree(t, b, func(v *Scalars) *plainScalars { return (*plainScalars)(v) })
		agree(t, b, func(v *Containers) *plainContainers { return (*plainContainers)(v) })
		agree(t, b, func(v *Structs) *plainStructs { return (*plainStructs)(v) })
		agree(t, b, func(v *Hooks) *plainHooks { return (*plainHooks)(v) })
		agree(t, b, func(v *Omits) *plainOmits { return (*plainOmits)(v) })
		agree(t, b, func(v *Dynamic) *plainDynamic { return (*plainDynamic)(v) })
	})
}
