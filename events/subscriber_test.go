package events_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/transport/mem"
)

// A subscriber acts for its session, on the hub that others use too.
func TestSubscriber(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		ctx := t.Context()
		l, other := connect(t, config{pipe: pipe}), connect(t, config{pipe: pipe})
		in, otherIn := record(t, l.client), record(t, other.client)
		s := events.SubscriberOf[events.Event](&h, l.server)
		events.SubscriberOf[events.Event](&h, other.server) // for EmitAll
		subscribe(t, &h, other.server, "a")
		for _, err := range []error{
			s.Subscribe("a"),
			s.Emit(ctx, "a", number{N: 1}),
			s.EmitSelf(ctx, number{N: 2}),
			s.EmitAll(ctx, number{N: 3}, nil),
			s.EmitSelf(ctx, number{N: 4}),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		s.Unsubscribe("a")
		if err := s.Emit(ctx, "a", number{N: 5}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		expect(t, in, "a", []uint64{1})
		expect(t, in, "", []uint64{2, 3, 4})
		expect(t, otherIn, "a", []uint64{1, 5})
		expect(t, otherIn, "", []uint64{3})

		if err := s.Subscribe("b"); err != nil {
			t.Error(err)
		}
		l.close()
		if n := h.Count("b"); n != 0 {
			t.Errorf("topic has %d subscribers after the end of the only one", n)
		}
		for what, err := range map[string]error{"EmitSelf": s.EmitSelf(ctx, number{}), "Subscribe": s.Subscribe("b")} {
			if !errors.Is(err, twinwire.Unavailable) {
				t.Errorf("%s after the session: error is %v, want Unavailable", what, err)
			}
		}
	})
}

// The caller has the events of its call when it has the reply, whichever way
// they were emitted.
func TestSubscriberBeforeReply(t *testing.T) {
	var h events.Hub
	defer h.Close()
	l := connect(t, config{methods: map[string]core.Method{
		"counter.Do": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			s := events.SubscriberOf[events.Event](&h, r.Session())
			return nil, errors.Join(s.Subscribe("a"), s.Emit(ctx, "a", number{N: 1}), s.EmitSelf(ctx, number{N: 2}), s.EmitAll(ctx, number{N: 3}, nil))
		},
	}})
	in := record(t, l.client)
	for i := range 100 {
		if err := l.client.Call(t.Context(), "counter.Do", nil, nil); err != nil {
			t.Fatal(err)
		}
		own, _ := in.numbers(t, "a")
		loose, _ := in.numbers(t, "")
		if len(own) != i+1 || len(loose) != 2*(i+1) {
			t.Fatalf("%d events of the topic and %d others after %d calls that emit 1 and 2", len(own), len(loose), i+1)
		}
	}
}
