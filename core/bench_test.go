package core_test

import (
	"context"
	"testing"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// number is a message that is one number, and needs no memory of its own.
type number struct{ v uint64 }

func (n *number) AppendMsgpack(b []byte) ([]byte, error) { return codec.AppendUint(b, n.v), nil }

func (n *number) ReadMsgpack(r *codec.Reader) error {
	n.v = r.Uint64()
	return r.Err()
}

// benchPair is a session whose server adds one to a number, and takes messages.
func benchPair(b *testing.B, onePipe bool) *core.Session {
	cfg, _ := serving(map[string]core.Handler{
		"test.Next": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
			n := new(number)
			if err := r.Decode(n); err != nil {
				return nil, err
			}
			n.v++
			return n, nil
		},
		"test.Note": func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, nil },
	})
	return connect(b, &mem.Options{OnePipe: onePipe}, cfg, &core.Config{}).client
}

func benchBoth(b *testing.B, f func(b *testing.B, s *core.Session)) {
	for name, onePipe := range map[string]bool{"OnePipe": true, "Lanes": false} {
		b.Run(name, func(b *testing.B) {
			s := benchPair(b, onePipe)
			b.ReportAllocs()
			f(b, s)
		})
	}
}

// BenchmarkCall is a call of one number and its answer, one at a time, with
// the handler.
func BenchmarkCall(b *testing.B) {
	benchBoth(b, func(b *testing.B, s *core.Session) {
		in, out := &number{}, &number{}
		for b.Loop() {
			if err := s.Call(b.Context(), "test.Next", in, out); err != nil {
				b.Fatal(err)
			}
			in.v = out.v
		}
	})
}

// BenchmarkCall64 is the same with 64 calls in flight.
func BenchmarkCall64(b *testing.B) {
	benchBoth(b, func(b *testing.B, s *core.Session) {
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			in, out := &number{}, &number{}
			for pb.Next() {
				if err := s.Call(b.Context(), "test.Next", in, out); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// BenchmarkSend is a message of one number, with a call at the end that waits
// for all of them.
func BenchmarkSend(b *testing.B) {
	benchBoth(b, func(b *testing.B, s *core.Session) {
		in := &number{}
		n := 0
		for b.Loop() {
			if err := s.Send(b.Context(), "test.Note", in); err != nil {
				b.Fatal(err)
			}
			if n++; n%1000 == 0 { // within the queue's bound
				if err := s.Call(b.Context(), "test.Next", in, nil); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
