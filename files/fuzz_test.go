package files

import (
	"bytes"
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
)

// A decoder of what a peer sends: what it takes it writes again with the same
// meaning, and what it refuses it refuses with an error.
func fuzz[T codec.Marshaler, P interface {
	*T
	codec.Unmarshaler
}](f *testing.F, seeds ...codec.Marshaler) {
	for _, v := range seeds {
		b, err := v.AppendMsgpack(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v, again T
		if err := read(b, P(&v)); err != nil {
			return
		}
		once, err := v.AppendMsgpack(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := read(once, P(&again)); err != nil {
			t.Fatalf("%x became %x: %v", b, once, err)
		}
		if twice, err := again.AppendMsgpack(nil); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%x became %x, %v", once, twice, err)
		}
	})
}

func read(b []byte, into codec.Unmarshaler) error {
	r := codec.NewReader(b, nil)
	if err := into.ReadMsgpack(r); err != nil {
		return err
	}
	return r.Finish()
}

var (
	someSum = make([]byte, hashSize)
	failure = outcome{twinwire.NotFound, "gone"}
)

func FuzzHead(f *testing.F) { fuzz[head](f, head{Files: 3}, head{outcome: failure}) }

func FuzzInfo(f *testing.F) {
	fuzz[Info](f, Info{Name: "a", Size: Unknown}, Info{Name: "a/b", Size: 5, Mode: 0o755, Hash: someSum})
}

func FuzzMark(f *testing.F) {
	fuzz[mark](f, mark{Begin: true, At: 7}, mark{Size: 7, Sum: someSum}, mark{outcome: failure})
}

func FuzzReply(f *testing.F) {
	fuzz[reply](f, reply{Want: true}, reply{File: 3, Want: true, At: 7, Sum: someSum}, reply{File: 3, outcome: failure}, reply{})
}
