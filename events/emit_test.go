package events_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/transport/mem"
)

func TestEmitAll(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var log bytes.Buffer
		h := events.NewHub(&events.Options{Logger: logTo(&log)})
		var links []*link
		var ins []*sink
		for range 4 {
			l := connect(t, config{pipe: pipe})
			links, ins = append(links, l), append(ins, record(t, l.client))
		}
		for _, l := range links[:3] {
			h.Add(l.server)
			h.Add(l.server)
		}
		all := func(n uint64, filter func(*core.Session) bool) error {
			return h.EmitAll(t.Context(), number{N: n}, filter)
		}
		if err := all(0, nil); err != nil {
			t.Error(err)
		}
		subscribe(t, h, links[3].server, "x") // known from now on
		not1 := func(s *core.Session) bool {
			// A filter may use the hub, and even emit.
			if s == links[0].server {
				if err := all(1, nil); err != nil {
					t.Error(err)
				}
			}
			return s != links[1].server
		}
		if err := all(2, not1); err != nil {
			t.Error(err)
		}
		err := all(3, func(s *core.Session) bool {
			if s == links[2].server {
				panic("no opinion")
			}
			return true
		})
		if !errors.Is(err, twinwire.Internal) {
			t.Errorf("a filter that panics gives %v", err)
		}
		if !strings.Contains(log.String(), "no opinion") {
			t.Error("the panic was not logged")
		}
		synctest.Wait()
		for i, want := range [][]uint64{{0, 1, 2, 3}, {0, 1, 3}, {0, 1, 2}, {1, 2, 3}} {
			expect(t, ins[i], "", want)
		}
		if n := len(slices.Collect(h.Sessions())); n != 4 {
			t.Errorf("the hub knows %d sessions, want 4", n)
		}
		links[0].close()
		links[1].close()
		if n := len(slices.Collect(h.Sessions())); n != 2 {
			t.Errorf("the hub knows %d sessions after two have ended, want 2", n)
		}
	})
}

// Clause 6.10, with an event lane that is slower than the call lane: the reply
// waits for the event.
func TestReplyDoesNotOvertakeItsEvents(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		methods := map[string]core.Method{
			"counter.Increment": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
				if err := h.Subscribe(r.Session(), "x"); err != nil {
					return nil, err
				}
				// A context made of the handler's counts as well.
				ctx, cancel := context.WithCancel(ctx)
				cancel()
				for n := range uint64(3) {
					if err := h.Emit(ctx, "x", number{N: n}); err != nil {
						return nil, err
					}
				}
				return nil, h.EmitAll(ctx, number{N: 9}, func(*core.Session) bool { return true })
			},
			"counter.Nothing": func(context.Context, any, *core.Request) (codec.Marshaler, error) { return nil, nil },
		}
		l := connect(t, config{pipe: pipe, methods: methods})
		in := record(t, l.client)
		other := connect(t, config{pipe: pipe})
		subscribe(t, &h, other.server, "x")
		if err := l.client.Call(t.Context(), "counter.Nothing", codec.Empty{}, nil); err != nil {
			t.Fatal(err)
		}
		if !pipe.OnePipe {
			l.serverEnd.Delay(eventLane, 300*time.Millisecond)
		}
		began := time.Now()
		if err := l.client.Call(t.Context(), "counter.Increment", codec.Empty{}, nil); err != nil {
			t.Fatal(err)
		}
		expect(t, in, "x", upTo(3))
		expect(t, in, "", []uint64{9})
		if took := time.Since(began); !pipe.OnePipe && took < 300*time.Millisecond {
			t.Errorf("the reply came after %v, before the events can have", took)
		}
		// A call that caused nothing does not wait.
		began = time.Now()
		if err := h.Emit(t.Context(), "x", number{N: 10}); err != nil {
			t.Fatal(err)
		}
		if err := l.client.Call(t.Context(), "counter.Nothing", codec.Empty{}, nil); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 50*time.Millisecond {
			t.Errorf("a reply that caused nothing took %v", took)
		}
	})
}

// eventLane is the lane of events (clause 4.3).
const eventLane = 2

// What a handler emits goes out at once, not with its reply.
func TestEventsDoNotWaitForTheHandler(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		methods := map[string]core.Method{
			"counter.Wait": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
				if err := h.Subscribe(r.Session(), "x"); err != nil {
					return nil, err
				}
				if err := h.Emit(ctx, "x", number{N: 1}); err != nil {
					return nil, err
				}
				<-ctx.Done()
				return nil, ctx.Err()
			},
		}
		l := connect(t, config{pipe: pipe, methods: methods})
		in := record(t, l.client)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = l.client.Call(ctx, "counter.Wait", codec.Empty{}, nil) })
		synctest.Wait()
		expect(t, in, "x", []uint64{1})
		cancel()
		wg.Wait()
	})
}

// An event that is emitted often enough for queues to grow is encoded once.
func TestEventsAreEncodedOnce(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		ins := make([]*sink, 5)
		for i := range ins {
			l := connect(t, config{pipe: pipe})
			ins[i] = record(t, l.client)
			subscribe(t, &h, l.server, "x")
		}
		var encodings atomic.Int64
		if err := h.Emit(t.Context(), "x", counted{&encodings}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := encodings.Load(); n != 1 {
			t.Errorf("encoded %d times for %d subscribers", n, len(ins))
		}
		for _, in := range ins {
			expect(t, in, "x", []uint64{0})
		}
	})
}

type counted struct{ n *atomic.Int64 }

func (counted) EventType() string { return "counter.Counted" }

func (c counted) AppendMsgpack(b []byte) ([]byte, error) {
	c.n.Add(1)
	return number{}.AppendMsgpack(b)
}
