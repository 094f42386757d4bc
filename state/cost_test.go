package state_test

import (
	"log/slog"
	"testing"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/state"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/mem"
)

// A tap is a carrier that tells how long the frames of deltas are that it
// receives.
type tap struct {
	transport.Carrier
	deltas chan int
}

func (c *tap) Receive(deliver func(lane int, frames []byte) error) error {
	return c.Carrier.Receive(func(lane int, frames []byte) error {
		for rest := frames; len(rest) > 0; {
			var f frame.Frame
			n, err := f.Parse(rest)
			if err != nil {
				return err
			}
			if f.Kind == frame.State && f.Flags&frame.Snapshot == 0 {
				c.deltas <- n
			}
			rest = rest[n:]
		}
		return deliver(lane, frames)
	})
}

// What deltas cost between two sessions, in bytes of whole frames: at most
// nine besides key and value (docs/state.md, behind clause S10).
func TestFrameBytes(t *testing.T) {
	offered := make(chan *core.Session)
	acceptor, err := core.NewAcceptor(&core.Config{
		Services: []*core.Service{{Name: "cost", Open: func(s *core.Session) (any, error) {
			offered <- s
			return nil, nil
		}}},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	near, far := mem.Pipe(nil)
	carrier := &tap{near, make(chan int, 1)}
	served := make(chan struct{})
	go func() { // ends with the session
		defer close(served)
		_ = acceptor.Serve(far)
	}()
	mux, err := core.NewMux(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	offer, err := core.Greet(t.Context(), carrier, &core.Config{Logger: slog.New(slog.DiscardHandler)}, mux, core.ID{1})
	if err != nil {
		t.Fatal(err)
	}
	client := offer.Accept()
	defer func() {
		_ = client.Close()
		<-served
	}()
	server := <-offered

	fields := opened(t, server, "fields", twenty{})
	for i := range 100 { // the lane's numbers take two bytes from then on
		update(t, fields, func(v *twenty) { v.A0 = int64(i + 1) })
		<-carrier.deltas
	}
	entries := opened(t, server, "entries", newMapped())
	elements := opened(t, server, "elements", newListed())
	tests := []struct {
		name        string
		change      func()
		keyAndValue []byte
	}{
		{"field of 20", func() { update(t, fields, func(v *twenty) { v.D1 = true }) }, codec.AppendBool(nil, true)},
		{"entry of 10,000", func() { update(t, entries, func(v *mapped) { v.Scores[key(5)] = 99999 }) },
			codec.AppendInt(codec.AppendString(nil, key(5)), 99999)},
		{"append to 10,000", func() { update(t, elements, func(v *listed) { v.Log = append(v.Log, "line x") }) },
			codec.AppendString(nil, "line x")},
	}
	for _, test := range tests {
		test.change()
		if over := <-carrier.deltas - len(test.keyAndValue); over != 7 {
			t.Errorf("%s: the frame has %d bytes besides key and value, want 7", test.name, over)
		}
	}
}

// opened makes a value of the session.
func opened[T any](t *testing.T, s *core.Session, name string, initial T) *state.Value[T] {
	t.Helper()
	v, err := state.New(s, name, schemaOf[T](t), initial, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
