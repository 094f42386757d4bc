package events_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/transport/mem"
)

// Invariant: every event is delivered exactly once and in the order of its
// topic, or is part of a gap that is told of in its place.
//
// Emitters and subscribers do as they please; carriers and loops stall. One
// witness per topic sees everything and knows the order. A subscriber's record
// must be a stretch of the witness's, from the event that follows its
// subscription to the one before its end, where each Missed stands for as many.
func TestPropertyOrderAndExactlyOnceOrGap(t *testing.T) {
	seeds := uint64(40)
	if testing.Short() || raced {
		seeds = 6
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			history{t: t, random: rand.New(rand.NewPCG(seed, 1)), seed: seed}.run()
		})
	}
}

type history struct {
	t      *testing.T
	random *rand.Rand
	seed   uint64
}

const (
	topicsInHistory      = 3
	subscribersInHistory = 5
	emittersInHistory    = 3
)

// A world is what a history happens in.
type world struct {
	history
	hub events.Hub

	// order is held for writing while somebody subscribes or unsubscribes, so
	// that everybody knows what the subscription spans.
	order   sync.RWMutex
	emitted [topicsInHistory]uint64
	count   [topicsInHistory]sync.Mutex
}

func topicName(i int) events.Topic { return events.Topic(fmt.Sprint("topic ", i)) }

// A span is one subscription: the events that are to be seen or missed.
type span struct{ from, to uint64 }

func (h history) run() {
	w := &world{history: h}
	pipe := func() *mem.Options {
		o := &mem.Options{OnePipe: h.random.IntN(2) == 0}
		if h.random.IntN(2) == 0 {
			o.Buffer = 1
		}
		return o
	}
	witness := connect(h.t, config{limits: &core.Limits{EventBytes: 1 << 29}})
	saw := record(h.t, witness.client)
	for i := range topicsInHistory {
		subscribe(h.t, &w.hub, witness.server, topicName(i))
	}
	var emitters, subscribers sync.WaitGroup
	for e := range uint64(emittersInHistory) {
		random := rand.New(rand.NewPCG(h.seed, 100+e))
		emitters.Go(func() { w.emit(e, random) })
	}
	for s := range uint64(subscribersInHistory) {
		random := rand.New(rand.NewPCG(h.seed, 200+s))
		l := connect(h.t, config{pipe: pipe(), limits: &core.Limits{EventBytes: 1 << (9 + random.IntN(6))}})
		in := record(h.t, l.client)
		subscribers.Go(func() {
			spans := w.subscribe(l, random)
			time.Sleep(30 * time.Second) // for all that was delayed
			w.check(l, in, saw, spans)
		})
	}
	emitters.Wait()
	subscribers.Wait()
	w.hub.Close()
}

// emit emits events of one emitter, each with a number of its own.
func (w *world) emit(emitter uint64, random *rand.Rand) {
	for n := range uint64(300) {
		topic := random.IntN(topicsInHistory)
		w.order.RLock()
		err := w.hub.Emit(w.t.Context(), topicName(topic), number{N: emitter<<32 | n, Pad: random.IntN(200)})
		w.count[topic].Lock()
		w.emitted[topic]++
		w.count[topic].Unlock()
		w.order.RUnlock()
		if err != nil {
			w.t.Error(err)
		}
		if random.IntN(4) == 0 {
			time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
		}
	}
}

// subscribe subscribes and unsubscribes a session and disturbs its carrier. It
// returns the spans of its subscriptions by topic.
func (w *world) subscribe(l *link, random *rand.Rand) (spans [topicsInHistory][]span) {
	var live [topicsInHistory]bool
	change := func(topic int, to bool) {
		if live[topic] == to {
			return
		}
		live[topic] = to
		w.order.Lock()
		defer w.order.Unlock()
		if to {
			if err := w.hub.Subscribe(l.server, topicName(topic)); err != nil {
				w.t.Error(err)
			}
			spans[topic] = append(spans[topic], span{from: w.emitted[topic]})
			return
		}
		w.hub.Unsubscribe(l.server, topicName(topic))
		spans[topic][len(spans[topic])-1].to = w.emitted[topic]
	}
	for range 60 {
		switch random.IntN(5) {
		case 0, 1:
			change(random.IntN(topicsInHistory), random.IntN(3) > 0)
		case 2:
			l.serverEnd.Stall(mem.AllLanes)
		case 3:
			l.serverEnd.Unstall(mem.AllLanes)
		case 4:
			lane := 0
			if l.server.Transport().Independent {
				lane = eventLane
			}
			l.serverEnd.Delay(lane, time.Duration(random.IntN(30))*time.Millisecond)
		}
		time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
	}
	l.serverEnd.Unstall(mem.AllLanes)
	for topic := range live {
		change(topic, false)
	}
	return spans
}

func (w *world) check(l *link, in, saw *sink, spans [topicsInHistory][]span) {
	w.t.Helper()
	if err := l.server.Err(); err != nil {
		w.t.Errorf("seed %d: the session ended: %v", w.seed, err)
		return
	}
	for topic := range topicsInHistory {
		order, missed := saw.numbers(w.t, topicName(topic))
		if missed > 0 {
			w.t.Errorf("seed %d: the witness missed %d", w.seed, missed)
		}
		var want []uint64 // the whole record that would be without gaps
		for _, s := range spans[topic] {
			want = append(want, order[s.from:s.to]...)
		}
		at := 0
		for _, ev := range in.all() {
			if ev.Topic != string(topicName(topic)) {
				continue
			}
			at += int(ev.Missed)
			if ev.Kind != core.Emitted {
				continue
			}
			if n := numberIn(w.t, ev.Payload); at >= len(want) || n != want[at] {
				w.t.Errorf("seed %d: %s: event %x is not the one at %d of %d", w.seed, topicName(topic), n, at, len(want))
				return
			}
			at++
		}
		if at != len(want) {
			w.t.Errorf("seed %d: %s: delivered and missed add up to %d, want %d", w.seed, topicName(topic), at, len(want))
		}
	}
}
