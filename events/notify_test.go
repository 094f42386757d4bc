package events_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/transport/mem"
)

func created(topics ...events.Topic) (n []events.Notification) {
	for _, topic := range topics {
		n = append(n, events.Notification{Topic: topic, Kind: events.Created})
	}
	return n
}

func removed(topic events.Topic) events.Notification {
	return events.Notification{Topic: topic, Kind: events.Removed}
}

func TestNotifications(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		a, b := connect(t, config{pipe: pipe}), connect(t, config{pipe: pipe})
		subscribe(t, &h, a.server, "before")
		ctx, cancel := context.WithCancel(t.Context())
		var got []events.Notification
		var wg sync.WaitGroup
		wg.Go(func() {
			for n := range h.Notify(ctx) {
				got = append(got, n)
			}
		})
		synctest.Wait()
		subscribe(t, &h, a.server, "x")
		subscribe(t, &h, b.server, "x") // not the first
		subscribe(t, &h, b.server, "y")
		h.Unsubscribe(a.server, "x") // not the last
		h.Unsubscribe(b.server, "x")
		subscribe(t, &h, a.server, "x")
		synctest.Wait()
		b.close() // takes y with it
		synctest.Wait()
		a.serverEnd.Cut() // takes x and before
		<-a.server.Done()
		synctest.Wait()
		cancel()
		wg.Wait()
		want := slices.Concat(created("before", "x", "y"), []events.Notification{removed("x")}, created("x"), []events.Notification{removed("y")})
		if len(got) != len(want)+2 || !slices.Equal(got[:len(want)], want) {
			t.Fatalf("got %v, want %v and two more", got, want)
		}
		for _, topic := range []events.Topic{"x", "before"} {
			if !slices.Contains(got[len(want):], removed(topic)) {
				t.Errorf("nobody told that %q was removed: %v", topic, got)
			}
		}
	})
}

func TestNotifyEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h events.Hub
		l := connect(t, config{})
		subscribe(t, &h, l.server, "x")
		for n := range h.Notify(t.Context()) { // ends with its loop
			if n.Topic != "x" {
				t.Error(n)
			}
			break
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			for range h.Notify(t.Context()) {
				continue
			}
		})
		synctest.Wait()
		h.Close()
		wg.Wait()
		for range h.Notify(t.Context()) {
			t.Error("a closed hub notifies")
		}
	})
}

// A loop that is slow: what waits is bounded, alternates for each topic, and
// ends with the truth.
func TestSlowListenerSeesPairs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(20) {
			var h events.Hub
			l := connect(t, config{})
			random := rand.New(rand.NewPCG(seed, 0))
			next, stop := iter.Pull(events.NotifyAtMost(&h, t.Context(), 8))
			live := make(map[events.Topic]bool)
			told := make(map[events.Topic]bool)
			notified := 0
			take := func(n int) {
				for range n {
					n, ok := next()
					if !ok {
						t.Fatal("the iteration ended")
					}
					notified++
					if told[n.Topic] == (n.Kind == events.Created) {
						t.Fatalf("seed %d: %v twice", seed, n)
					}
					told[n.Topic] = n.Kind == events.Created
				}
			}
			subscribe(t, &h, l.server, "first")
			live["first"] = true
			take(1) // it listens now
			for range 2000 {
				topic := events.Topic(fmt.Sprint(random.IntN(20)))
				if live[topic] {
					h.Unsubscribe(l.server, topic)
				} else {
					subscribe(t, &h, l.server, topic)
				}
				live[topic] = !live[topic]
			}
			subscribe(t, &h, l.server, "end")
			for !told["end"] {
				take(1)
			}
			for topic := range live {
				if told[topic] != live[topic] {
					t.Errorf("seed %d: the last word on %q is %v", seed, topic, told[topic])
				}
			}
			if notified > 100 {
				t.Errorf("seed %d: %d notifications waited for a loop that did not take any", seed, notified)
			}
			stop()
			l.close()
		}
	})
}
