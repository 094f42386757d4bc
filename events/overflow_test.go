package events_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/transport/mem"
)

// small bounds what waits for a subscriber to about 60 events.
var small = &core.Limits{EventBytes: 4 << 10}

// stall makes the peer of a server's session stop reading. The events of more
// than its buffers hold stay in the session.
func (l *link) stall()   { l.serverEnd.Stall(mem.AllLanes) }
func (l *link) unstall() { l.serverEnd.Unstall(mem.AllLanes) }

// Clause 7.2: "Loss is never silent."
func TestDroppedEventsAreCounted(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		pipe.Buffer = 1 // one batch on its way
		var h events.Hub
		slow := connect(t, config{pipe: pipe, limits: small})
		fast := connect(t, config{pipe: pipe})
		inSlow, inFast := record(t, slow.client), record(t, fast.client)
		for _, topic := range []events.Topic{"x", "y", "quiet"} {
			subscribe(t, &h, slow.server, topic)
			subscribe(t, &h, fast.server, topic)
		}
		emit(t, &h, "quiet", 0)
		synctest.Wait()
		const emitted = 1000
		for round := range 3 {
			slow.stall()
			for n := range uint64(emitted) {
				emit(t, &h, "x", n)
				emit(t, &h, "y", n)
				synctest.Wait()
				if n == 100 {
					emit(t, &h, "quiet", uint64(round)+1) // will be among the dropped
				}
			}
			slow.unstall()
			synctest.Wait()
		}
		for _, topic := range []events.Topic{"x", "y"} {
			got, missed := inSlow.numbers(t, topic)
			if len(got)+int(missed) != 3*emitted || missed == 0 || len(got) < 60 {
				t.Errorf("topic %s: %d delivered and %d missed, want %d in all", topic, len(got), missed, 3*emitted)
			}
			if got[len(got)-1] != emitted-1 {
				t.Errorf("topic %s: the last is %d, want the newest", topic, got[len(got)-1])
			}
			if stats := slow.server.Stats(); stats.EventsMissed == 0 {
				t.Error("the statistics know of no loss")
			}
			if got, missed := inFast.numbers(t, topic); len(got) != 3*emitted || missed != 0 {
				t.Errorf("topic %s: the other got %d and missed %d", topic, len(got), missed)
			}
			checkGaps(t, inSlow, topic, emitted)
		}
		if got, missed := inSlow.numbers(t, "quiet"); !slices.Equal(got, []uint64{0}) || missed != 3 {
			t.Errorf("topic quiet: got %v and missed %d; a gap that no event follows is told as well", got, missed)
		}
	})
}

// checkGaps checks that what was missed is told where it was missed: numbers
// count up to most, again and again.
func checkGaps(t *testing.T, in *sink, topic events.Topic, most uint64) {
	t.Helper()
	next := uint64(0)
	for _, ev := range in.all() {
		if ev.Topic != string(topic) {
			continue
		}
		next += ev.Missed
		if ev.Kind == core.Emitted {
			if n := numberIn(t, ev.Payload); n != next%most {
				t.Fatalf("topic %s: got %d, and what was missed says %d", topic, n, next%most)
			}
			next++
		}
	}
}

func TestDisconnectPolicy(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		pipe.Buffer = 1
		h := events.NewHub(&events.Options{Overflow: func(topic events.Topic) core.Overflow {
			if topic == "orders" {
				return core.Disconnect
			}
			return core.DropOldest
		}})
		slow := connect(t, config{pipe: pipe, limits: small})
		fast := connect(t, config{pipe: pipe})
		in := record(t, fast.client)
		for _, topic := range []events.Topic{"orders", "prices"} {
			subscribe(t, h, slow.server, topic)
			subscribe(t, h, fast.server, topic)
		}
		synctest.Wait()
		slow.stall()
		for n := range uint64(1000) {
			emit(t, h, "prices", n)
			synctest.Wait()
		}
		select {
		case <-slow.server.Done():
			t.Fatal("a topic that may drop ended the session")
		default:
		}
		for n := range uint64(1000) {
			emit(t, h, "orders", n)
			synctest.Wait()
		}
		slow.unstall()
		<-slow.server.Done()
		<-slow.client.Done()
		if err := slow.server.Err(); !errors.Is(err, twinwire.SlowConsumer) {
			t.Errorf("the server's session ended with %v, want SlowConsumer", err)
		}
		if err := slow.client.Err(); !errors.Is(err, twinwire.SlowConsumer) {
			t.Errorf("the client's session ended with %v, want SlowConsumer", err)
		}
		expect(t, in, "orders", upTo(1000))
		if h.Count("orders") != 1 {
			t.Errorf("%d subscribers are left, want 1", h.Count("orders"))
		}
		h.Close()
	})
}

// An event that the peer does not accept is a gap, or the end.
func TestEventsLargerThanThePeerAccepts(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		h := events.NewHub(&events.Options{Overflow: func(topic events.Topic) core.Overflow {
			if topic == "strict" {
				return core.Disconnect
			}
			return core.DropOldest
		}})
		l := connect(t, config{pipe: pipe, clientLimits: &core.Limits{MessageSize: 20_000}})
		in := record(t, l.client)
		subscribe(t, h, l.server, "x")
		subscribe(t, h, l.server, "strict")
		for n, pad := range []int{0, 30_000, 19_000, 30_000, 30_000, 0, 30_000} {
			if err := h.Emit(t.Context(), "x", number{N: uint64(n), Pad: pad}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		got, missed := in.numbers(t, "x")
		if !slices.Equal(got, []uint64{0, 2, 5}) || missed != 4 {
			t.Errorf("got %v and missed %d", got, missed)
		}
		checkGaps(t, in, "x", 100)
		if err := h.Emit(t.Context(), "strict", number{Pad: 30_000}); err != nil {
			t.Error(err)
		}
		<-l.server.Done()
		if err := l.server.Err(); !errors.Is(err, twinwire.TooLarge) {
			t.Errorf("the session ended with %v, want TooLarge", err)
		}
	})
}

// Carriers that block where they should not hold up nobody else: the flusher
// starts others in place of the goroutines that hang.
func TestHangingCarriersDoNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := &mem.Options{OnePipe: true, Buffer: 1, SendTimeout: -1}
		var h events.Hub
		const hanging = 50
		var links []*link
		for range hanging {
			l := connect(t, config{pipe: pipe})
			h.Add(l.server)
			subscribe(t, &h, l.server, "x")
			links = append(links, l)
		}
		healthy := connect(t, config{})
		in := record(t, healthy.client)
		subscribe(t, &h, healthy.server, "x")
		synctest.Wait()
		for _, l := range links {
			l.stall()
		}
		emit(t, &h, "x", 0) // fills the buffers
		synctest.Wait()
		time.Sleep(time.Second)
		began := time.Now()
		// Each of these hangs in Send from now on.
		if err := h.EmitAll(t.Context(), number{N: 9}, nil); err != nil {
			t.Fatal(err)
		}
		for n := range uint64(10) {
			emit(t, &h, "x", n+1)
		}
		for len(in.all()) < 13 && time.Since(began) < 10*time.Second {
			time.Sleep(time.Millisecond)
			synctest.Wait()
		}
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("the healthy subscriber waited for %v", took)
		}
		expect(t, in, "x", upTo(11))
		for _, l := range links {
			l.unstall()
		}
		synctest.Wait()
		if n := h.Flushers(); n != 0 {
			t.Errorf("%d flushers are left", n)
		}
	})
}
