package events_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
)

// A drain is the carrier of a peer that takes everything at once, confirms it
// as the protocol wants, and costs next to nothing: what is measured is the
// side that emits.
type drain struct {
	received *tally
	deliver  func(lane int, frames []byte) error
	closed   chan struct{}
	once     sync.Once

	mu    sync.Mutex
	next  uint64 // of the event lane
	acked uint64
}

// A tally counts the events of all drains, and tells when there are enough.
type tally struct {
	count atomic.Int64
	want  atomic.Int64
	done  chan struct{}
}

func (c *tally) add(n int64) {
	if n > 0 && c.count.Add(n) == c.want.Load() {
		c.done <- struct{}{}
	}
}

// expect makes wait return after n more events.
func (c *tally) expect(n int64) { c.want.Add(n) }

func (c *tally) wait() { <-c.done }

func (d *drain) Info() transport.Info { return transport.Info{Wire: "drain"} }

func (d *drain) Send(_ int, batch []byte) error {
	var f frame.Frame
	n := int64(0)
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(batch) > 0 {
		size, err := f.Parse(batch)
		if err != nil {
			return err
		}
		switch {
		case f.Kind == frame.Event:
			n += 1 + int64(f.Next) // with those that were missed
		case f.Kind == frame.Gap:
			n += int64(f.Next)
		}
		if f.Lane == eventLane && f.Kind.Numbered() {
			d.next = f.Seq + 1
		}
		batch = batch[size:]
	}
	if d.next-d.acked >= 32 {
		d.acked = d.next
		var buf [16]byte
		if err := d.deliver(0, frame.Append(buf[:0], &frame.Frame{Kind: frame.Ack, Lane: eventLane, Next: d.next})); err != nil {
			return err
		}
	}
	d.received.add(n)
	return nil
}

func (d *drain) Receive(deliver func(lane int, frames []byte) error) error {
	d.deliver = deliver
	hello := codec.AppendMapHeader(nil, 6)
	hello = codec.AppendUint(codec.AppendString(hello, "v"), 1)
	hello = codec.AppendBytes(codec.AppendString(hello, "attempt"), attemptID())
	hello = codec.AppendUint(codec.AppendString(hello, "lanes"), 4)
	hello = codec.AppendUint(codec.AppendString(hello, "names"), 100)
	hello = codec.AppendUint(codec.AppendString(hello, "max"), events.MaxEvent)
	hello = codec.AppendUint(codec.AppendString(hello, "large"), events.MaxEvent)
	if err := deliver(0, frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: hello})); err != nil {
		return err
	}
	if err := deliver(0, frame.Append(nil, &frame.Frame{Kind: frame.Attach, Flags: frame.AllLanes, ID: 1})); err != nil {
		return err
	}
	<-d.closed
	return &transport.CloseError{}
}

func (d *drain) Close(twinwire.Code, string) { d.once.Do(func() { close(d.closed) }) }

var attempts atomic.Uint64

func attemptID() []byte { return fmt.Appendf(nil, "%016d", attempts.Add(1)) }

// drains returns the sessions of a server with n drains.
func drains(b *testing.B, n int) ([]*core.Session, *tally) {
	b.Helper()
	began := make(chan *core.Session, n)
	a, err := core.NewAcceptor(&core.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	a.Began = func(s *core.Session) { began <- s }
	received := &tally{done: make(chan struct{}, 1)}
	var wg sync.WaitGroup
	var all []*drain
	sessions := make([]*core.Session, n)
	for i := range sessions {
		d := &drain{received: received, closed: make(chan struct{})}
		wg.Go(func() { _ = a.Serve(d) })
		sessions[i] = <-began
		all = append(all, d)
	}
	b.Cleanup(func() {
		for _, d := range all {
			d.Close(twinwire.Accepted, "")
		}
		wg.Wait()
	})
	return sessions, received
}

// BenchmarkFanOut is the way of an event from Emit to the carriers of its
// subscribers. One waits until all have it before the next is emitted; Burst
// emits sixteen in between, which coalesce.
func BenchmarkFanOut(b *testing.B) {
	for _, n := range []int{1, 10, 1000, 10000} {
		for _, burst := range []int{1, 16} {
			b.Run(fmt.Sprintf("subscribers=%d/burst=%d", n, burst), func(b *testing.B) {
				var h events.Hub
				sessions, received := drains(b, n)
				for _, s := range sessions {
					subscribe(b, &h, s, "x")
				}
				ctx := context.Background()
				var ev events.Event = incremented{1, 2}
				b.ReportAllocs()
				for b.Loop() {
					received.expect(int64(n * burst))
					for range burst {
						if err := h.Emit(ctx, "x", ev); err != nil {
							b.Fatal(err)
						}
					}
					received.wait()
				}
				b.StopTimer()
				b.ReportMetric(float64(b.N)*float64(n*burst)/b.Elapsed().Seconds(), "deliveries/s")
				h.Close()
			})
		}
	}
}

// BenchmarkHandlerEmit is a call over an in-memory carrier whose handler emits
// an event to its own session, and one whose handler does not.
func BenchmarkHandlerEmit(b *testing.B) {
	for _, emits := range []bool{false, true} {
		b.Run(fmt.Sprintf("emits=%v", emits), func(b *testing.B) {
			var h events.Hub
			l := connect(b, config{methods: map[string]core.Method{
				"counter.Increment": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
					if !emits {
						return nil, nil
					}
					return nil, h.Emit(ctx, "x", incremented{1, 2})
				},
			}})
			subscribe(b, &h, l.server, "x")
			discard(b, l.client)
			b.ReportAllocs()
			for b.Loop() {
				if err := l.client.Call(b.Context(), "counter.Increment", codec.Empty{}, nil); err != nil {
					b.Fatal(err)
				}
			}
			h.Close()
		})
	}
}

// discard receives the events of a session and does nothing with them.
func discard(b *testing.B, s *core.Session) {
	b.Helper()
	if err := s.ReceiveEvents("counter", nothing{}); err != nil {
		b.Fatal(err)
	}
}

type nothing struct{}

func (nothing) ReceiveEvent(core.Event) {}
func (nothing) EventsEnded(error)       {}

// BenchmarkMem is the whole way, from Emit to the receivers of clients in the
// same process.
func BenchmarkMem(b *testing.B) {
	const subscribers = 1000
	var h events.Hub
	received := &tally{done: make(chan struct{}, 1)}
	for range subscribers {
		l := connect(b, config{})
		if err := l.client.ReceiveEvents("counter", counting{received}); err != nil {
			b.Fatal(err)
		}
		subscribe(b, &h, l.server, "x")
	}
	b.ReportAllocs()
	for b.Loop() {
		received.expect(subscribers)
		if err := h.Emit(b.Context(), "x", incremented{1, 2}); err != nil {
			b.Fatal(err)
		}
		received.wait()
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)*subscribers/b.Elapsed().Seconds(), "deliveries/s")
	h.Close()
}

type counting struct{ received *tally }

func (c counting) ReceiveEvent(ev core.Event) {
	if ev.Kind == core.Emitted {
		c.received.add(1 + int64(ev.Missed))
	}
}

func (c counting) EventsEnded(error) {}
