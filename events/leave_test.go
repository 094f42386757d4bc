package events_test

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/transport/mem"
)

func TestSessionsThatEndLeaveTheHub(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		stays := connect(t, config{pipe: pipe})
		subscribe(t, &h, stays.server, "shared")
		for _, end := range []func(l *link){
			func(l *link) { l.close() },
			func(l *link) { l.serverEnd.Cut() },
			func(l *link) { l.server.CloseWith(twinwire.Unavailable, "", 0) },
			func(l *link) { l.serverEnd.Stall(mem.AllLanes); l.clientEnd.Stall(mem.AllLanes) }, // vanishes
		} {
			l := connect(t, config{pipe: pipe})
			subscribe(t, &h, l.server, "shared")
			for n := range 20 {
				subscribe(t, &h, l.server, events.Topic(fmt.Sprint("own ", n)))
			}
			end(l)
			<-l.server.Done()
			synctest.Wait()
			if topics, sessions := h.Sizes(); topics != 1 || sessions != 1 {
				t.Errorf("the hub remembers %d topics and %d sessions, want 1 and 1", topics, sessions)
			}
			l.clientEnd.Cut()
			emit(t, &h, "shared", 1)
		}
	})
}

// A million subscriptions that come and go leave nothing behind, and the
// session lives.
func TestSubscriptionsThatComeAndGoTakeNoMemory(t *testing.T) {
	rounds := 1_000_000
	if testing.Short() || raced {
		rounds = 20_000
	}
	overPipes(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		churn := func(rounds int) {
			for n := range rounds {
				topic := events.Topic(fmt.Sprint("topic ", n))
				subscribe(t, &h, l.server, topic)
				h.Unsubscribe(l.server, topic)
			}
			// Everything has arrived when the last topic has.
			subscribe(t, &h, l.server, "last")
			emit(t, &h, "last", 0)
			for range streamOf(l.client).Events(t.Context()) {
				break
			}
			h.Unsubscribe(l.server, "last")
		}
		churn(rounds / 10)
		before := heap()
		churn(rounds)
		if after := heap(); after > before+1<<20 {
			t.Errorf("%d subscriptions took %d KiB", rounds, (after-before)>>10)
		}
		if topics, _ := h.Sizes(); topics != 0 {
			t.Errorf("the hub remembers %d topics", topics)
		}
		h.Close()
	})
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
