package server

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
)

// Memory is shed in steps: each is a part of the budget, in percent, from which
// on something is given up for the rest (core.Admission).
const (
	refuseAt = 90 // new sessions
	unparkAt = 95 // those that wait for another carrier
	dropAt   = 98 // those for which most waits to be sent
)

const (
	// memoryTime is how often is looked how much memory there is.
	memoryTime = 100 * time.Millisecond
	// freshTime is how old what the collector has found may be when there is
	// little left.
	freshTime = time.Second
	// shedShare is the part of those sessions that end at once.
	shedShare = 16
)

// A keg watches the memory of the program.
type keg struct {
	// Immutable.
	budget uint64
	used   func(close bool) uint64

	stop context.CancelFunc
	done chan struct{}
}

// memoryBudget returns how much the program may have, or 0 for any amount.
func memoryBudget(limit int64) uint64 {
	switch runtimeLimit := debug.SetMemoryLimit(-1); {
	case limit > 0:
		return uint64(limit)
	case limit == 0 && runtimeLimit < math.MaxInt64:
		return uint64(runtimeLimit)
	}
	return 0
}

// watchMemory sheds sessions while memory is short, until stop is called. It
// returns nil if there is no budget.
func (s *Server) watchMemory() *keg {
	budget := memoryBudget(s.door.most.Memory)
	if budget == 0 {
		return nil
	}
	ctx, stop := context.WithCancel(context.Background())
	k := &keg{budget: budget, used: newGauge().used, stop: stop, done: make(chan struct{})}
	go func() { // ends with ctx
		defer close(k.done)
		tick := time.NewTicker(memoryTime)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.shed(k.percent())
			case <-ctx.Done():
				return
			}
		}
	}()
	return k
}

// close ends the watch.
func (k *keg) close() {
	if k != nil {
		k.stop()
		<-k.done
	}
}

// percent returns how much of the budget is used.
func (k *keg) percent() int {
	at := func(close bool) int { return int(k.used(close) * 100 / k.budget) }
	if p := at(false); p < refuseAt {
		return p
	}
	return at(true)
}

// shed gives up what has to be at this level.
func (s *Server) shed(percent int) {
	s.acceptor.RefuseNew(percent >= refuseAt)
	if percent >= unparkAt {
		if n := s.acceptor.EndParked(shedShare); n > 0 {
			s.log().Warn("twinwire: memory is short: sessions that waited for their client were ended", "sessions", n, "percent", percent)
		}
	}
	if percent >= dropAt {
		s.dropSlowest(percent)
	}
}

// dropSlowest ends the sessions for which most waits.
func (s *Server) dropSlowest(percent int) {
	type slow struct {
		session *core.Session
		waits   int
	}
	var list []slow
	for session := range s.Sessions() {
		list = append(list, slow{session, session.Stats().Waiting()})
	}
	slices.SortFunc(list, func(a, b slow) int { return cmp.Compare(b.waits, a.waits) })
	list = list[:(len(list)+shedShare-1)/shedShare]
	now, cancel := context.WithCancel(context.Background())
	cancel() // who does not read does not confirm either, and what waits for it is what is needed
	for _, v := range list {
		s.acceptor.Counts().Add(core.LimitMemory)
		go func() { // ends with the session
			_ = v.session.Drain(now, twinwire.SlowConsumer, "server is short of memory", s.door.most.RetryAfter)
		}()
	}
	if len(list) > 0 {
		s.log().Warn("twinwire: memory is short: the slowest sessions were ended", "sessions", len(list), "percent", percent)
	}
}

// A gauge reads what the program holds.
type gauge struct {
	samples []metrics.Sample
	cycles  uint64 // of the collector, when fresh was set
	fresh   time.Time
}

const (
	gaugeTotal = iota
	gaugeReleased
	gaugeFree
	gaugeUnused
	gaugeObjects
	gaugeLive
	gaugeCycles
)

func newGauge() *gauge {
	return &gauge{samples: []metrics.Sample{
		gaugeTotal:    {Name: "/memory/classes/total:bytes"},
		gaugeReleased: {Name: "/memory/classes/heap/released:bytes"},
		gaugeFree:     {Name: "/memory/classes/heap/free:bytes"},
		gaugeUnused:   {Name: "/memory/classes/heap/unused:bytes"},
		gaugeObjects:  {Name: "/memory/classes/heap/objects:bytes"},
		gaugeLive:     {Name: "/gc/heap/live:bytes"},
		gaugeCycles:   {Name: "/gc/cycles/total:gc-cycles"},
	}}
}

// used returns what is held: all that the system has given, or, if that is to
// be looked at closely, without what the collector has found to be garbage, or
// would if it ran, which it does then if it has not for a while.
func (g *gauge) used(close bool) uint64 {
	metrics.Read(g.samples)
	value := func(i int) uint64 { return g.samples[i].Value.Uint64() }
	total := value(gaugeTotal) - value(gaugeReleased)
	if !close {
		return total
	}
	now := time.Now()
	if cycles := value(gaugeCycles); cycles != g.cycles {
		g.cycles, g.fresh = cycles, now
	} else if now.Sub(g.fresh) > freshTime {
		runtime.GC()
		metrics.Read(g.samples)
		g.cycles, g.fresh = value(gaugeCycles), now
		total = value(gaugeTotal) - value(gaugeReleased)
	}
	idle := value(gaugeFree) + value(gaugeUnused) + value(gaugeObjects) - min(value(gaugeLive), value(gaugeObjects))
	return total - min(total, idle)
}
