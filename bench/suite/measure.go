package suite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twinwire/twinwire/bench/child"
	"github.com/twinwire/twinwire/bench/load"
	"github.com/twinwire/twinwire/bench/report"
)

const (
	// allowance is how much longer than estimated a run may take before it is
	// ended: something hangs then.
	allowance = 45 * time.Second
	// slowConnect is what a connection may take on a busy machine.
	slowConnect = 8 * time.Millisecond
)

// measurement is one run in progress.
type measurement struct {
	ctx      context.Context
	settings report.Settings
	server   *child.Process
	client   *child.Process
	listen   child.Reply
}

// measure starts the children, lets them work, and ends them.
func (r Run) measure(ctx context.Context, s report.Settings) (values report.Values, err error) {
	limit := 2*r.Workload.estimate(s) + allowance + time.Duration(r.Workload.connections(s))*slowConnect
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done after %v", limit))
	defer cancel()
	defer func() {
		// A child that was cut off reports that; why it was is the news.
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("%w (%v)", context.Cause(ctx), err)
		}
	}()
	if r.Workload.cross != nil {
		return r.cross(ctx)
	}
	pair, err := child.StartPair(ctx, r.Peer.Info().Name, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pair.Close()) }()
	m := &measurement{ctx: ctx, settings: s, server: pair.Server, client: pair.Client}
	if m.listen, err = m.server.Do(child.Request{Do: child.Listen}); err != nil {
		return nil, err
	}
	switch r.Workload.task {
	case fanOut:
		return m.fanOut()
	case fanOutMany:
		return m.fanOutMany()
	case idle:
		return m.idle()
	case byteStreams:
		return m.streams(r.Workload.size)
	case valueStream:
		return m.items(true)
	case oneWay:
		return m.items(false)
	case loaded:
		return m.loaded(r.Workload.size, r.Workload.down)
	case paced:
		return m.paced(r.Workload)
	case payloads:
		return m.payloads(r.Workload)
	default:
		return m.calls(r.Workload)
	}
}

func (m *measurement) dial(conns int, subscribe bool) error {
	return m.dialWith(child.Request{Conns: conns, Subscribe: subscribe})
}

// dialWith dials as r says.
func (m *measurement) dialWith(r child.Request) error {
	r.Do, r.Addr, r.Certificate = child.Dial, m.listen.Addr, m.listen.Certificate
	_, err := m.client.Do(r)
	return err
}

// marks are what both children have done so far.
type marks struct{ server, client child.MarkReply }

func (m *measurement) marks() (both marks, err error) {
	if both.server, err = mark(m.server); err != nil {
		return marks{}, err
	}
	both.client, err = mark(m.client)
	return both, err
}

func mark(p *child.Process) (child.MarkReply, error) {
	r, err := p.Do(child.Request{Do: child.Mark})
	return r.Mark, err
}

// A gauge is something that one of the children counts.
type gauge struct {
	server bool
	read   func(child.MarkReply) uint64
}

// What is counted: answered calls or delivered events, handled values or
// messages, and bytes of streams at the side that receives them.
var (
	answered   = gauge{false, func(r child.MarkReply) uint64 { return r.Count }}
	handled    = gauge{true, func(r child.MarkReply) uint64 { return r.Items }}
	uploaded   = gauge{true, func(r child.MarkReply) uint64 { return r.Bytes }}
	downloaded = gauge{false, func(r child.MarkReply) uint64 { return r.Bytes }}
)

func (g gauge) side(m marks) child.MarkReply {
	if g.server {
		return m.server
	}
	return m.client
}

// between returns how much was counted, and in which time.
func (g gauge) between(before, after marks) (uint64, time.Duration) {
	b, a := g.side(before), g.side(after)
	return g.read(a) - g.read(b), a.Uptime - b.Uptime
}

// window is what was seen between two marks while the work went on.
type window struct {
	rate    float64 // of the first gauge, a second
	rates   []float64
	latency load.Latency
}

// maxTries is how many times the measured time is added while nothing at all
// comes back: on a machine that is busy with something else, or because the
// peer hangs.
const maxTries = 20

// observe waits until the work that has begun is warm, and then measures what
// the gauges say.
func (m *measurement) observe(warm time.Duration, gauges ...gauge) (window, error) {
	return m.observeFor(m.settings.Measure, warm, gauges...)
}

// observeFor measures for a while that is not that of all the others.
func (m *measurement) observeFor(measure, warm time.Duration, gauges ...gauge) (window, error) {
	if err := m.wait(warm); err != nil {
		return window{}, err
	}
	before, err := m.marks()
	if err != nil {
		return window{}, err
	}
	still := func(after marks) bool {
		return slices.ContainsFunc(gauges, func(g gauge) bool {
			n, _ := g.between(before, after)
			return n == 0
		})
	}
	after := before
	for tries := 0; still(after); tries++ {
		if tries == maxTries {
			return window{}, fmt.Errorf("nothing was answered or delivered in %v", maxTries*measure)
		}
		if err := m.wait(measure); err != nil {
			return window{}, err
		}
		if after, err = m.marks(); err != nil {
			return window{}, err
		}
	}
	w := window{latency: after.client.Latency}
	for _, g := range gauges {
		n, d := g.between(before, after)
		w.rates = append(w.rates, float64(n)/d.Seconds())
	}
	w.rate = w.rates[0]
	return w, nil
}

// cost is what one call takes, or one of whatever is counted.
type cost struct {
	serverCPU, clientCPU       float64 // microseconds
	serverAllocs, clientAllocs float64
}

// account lets work run and returns what one of what g counts costs. Nothing
// is under way before work begins and after it returns, so that what both
// processes have used belongs to what was counted, however late their marks
// are. The warm-up is a part of it.
func (m *measurement) account(g gauge, work func() error) (cost, error) {
	before, err := m.marks()
	if err != nil {
		return cost{}, err
	}
	if err := work(); err != nil {
		return cost{}, err
	}
	after, err := m.marks()
	if err != nil {
		return cost{}, err
	}
	count, _ := g.between(before, after)
	n := float64(count)
	return cost{
		serverCPU:    micro(after.server.CPU-before.server.CPU) / n,
		clientCPU:    micro(after.client.CPU-before.client.CPU) / n,
		serverAllocs: float64(after.server.Mallocs-before.server.Mallocs) / n,
		clientAllocs: float64(after.client.Mallocs-before.client.Mallocs) / n,
	}, nil
}

// wait lets the children work.
func (m *measurement) wait(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-m.ctx.Done():
		return context.Cause(m.ctx)
	}
}

func (m *measurement) fanOut() (report.Values, error) {
	if err := m.dial(m.settings.Subscribers, true); err != nil {
		return nil, err
	}
	if err := m.calm(); err != nil {
		return nil, err
	}
	interval := time.Duration(m.settings.Subscribers) * time.Second / time.Duration(m.settings.EventRate)
	fixed, fixedCost, err := m.publish(interval, 0, pacedEvents*m.settings.Measure)
	if err != nil {
		return nil, err
	}
	most, mostCost, err := m.publish(0, 0, m.settings.Measure)
	if err != nil {
		return nil, err
	}
	return report.Values{
		report.EventP50:       milli(fixed.latency.P50),
		report.EventP99:       milli(fixed.latency.P99),
		report.EventFixedRate: fixed.rate,
		report.EventFixedCPU:  fixedCost.serverCPU,
		report.EventRate:      most.rate,
		report.EventCPU:       mostCost.serverCPU,
		report.EventAllocs:    mostCost.serverAllocs,
		report.EventClientCPU: mostCost.clientCPU,
	}, nil
}

const (
	// calmLooks is how often both processes are looked at, and calmPause the time
	// between.
	calmLooks = 50
	calmPause = 100 * time.Millisecond
	// calmCPU is the part of one CPU that counts as nothing.
	calmCPU = 0.2
)

// calm waits until both processes have finished what new connections still have
// to do: those of QUIC look for the size of packets, which would be most of what
// is measured. It gives up on processes that never rest.
func (m *measurement) calm() error {
	before, err := m.marks()
	for range calmLooks {
		if err != nil {
			return err
		}
		if err := m.wait(calmPause); err != nil {
			return err
		}
		var now marks
		if now, err = m.marks(); err != nil {
			return err
		}
		used := now.server.CPU - before.server.CPU + now.client.CPU - before.client.CPU
		if used.Seconds() < calmCPU*(now.server.Uptime-before.server.Uptime).Seconds() {
			return nil
		}
		before = now
	}
	return err
}

// manyWindow is how many events may be under way to many subscribers: a slow
// peer takes seconds for more.
const manyWindow = 4

// manyEvents is how many times longer events to many subscribers are measured
// than calls: in 400 ms there are three of them, and rates of one peer that differ
// by a half.
const manyEvents = 5

// fanOutMany only looks at how fast it goes.
func (m *measurement) fanOutMany() (report.Values, error) {
	if err := m.dial(m.settings.ManySubscribers, true); err != nil {
		return nil, err
	}
	if err := m.calm(); err != nil {
		return nil, err
	}
	most, c, err := m.publish(0, manyWindow, manyEvents*m.settings.Measure)
	return report.Values{
		report.EventRate:      most.rate,
		report.EventCPU:       c.serverCPU,
		report.EventAllocs:    c.serverAllocs,
		report.EventClientCPU: c.clientCPU,
	}, err
}

// fanOutWarm is how many times longer events take to warm up than calls: new
// QUIC connections have work of their own to finish.
const fanOutWarm = 3

// pacedEvents is how many times longer events at a fixed rate are measured than
// all else: to 1,000 subscribers there are 50 a second, and the slowest of 20
// would be what the p99 is.
const pacedEvents = 5

func (m *measurement) publish(interval time.Duration, ahead int, measure time.Duration) (w window, c cost, err error) {
	c, err = m.account(answered, func() error {
		if _, err := m.server.Do(child.Request{Do: child.Publish, Interval: interval, Window: ahead}); err != nil {
			return err
		}
		var err error
		if w, err = m.observeFor(measure, fanOutWarm*m.settings.Warm, answered); err != nil {
			return err
		}
		_, err = m.server.Do(child.Request{Do: child.Quiet})
		return err
	})
	return w, c, err
}

// someSessions come before the first look at the memory, so that what a server
// needs once, whatever its sessions, is not counted.
const someSessions = 50

func (m *measurement) idle() (report.Values, error) {
	before, _, err := m.sessions(someSessions)
	if err != nil {
		return nil, err
	}
	after, rate, err := m.sessions(m.settings.IdleSessions)
	if err != nil {
		return nil, err
	}
	sessions := float64(m.settings.IdleSessions)
	each := func(after, before uint64) float64 {
		return (float64(after) - float64(before)) / 1024 / sessions
	}
	return report.Values{
		report.IdleResident:    each(after.Resident, before.Resident),
		report.IdleHeap:        each(after.Heap, before.Heap),
		report.IdleStacks:      each(after.Stacks, before.Stacks),
		report.IdleGoroutines:  float64(after.Goroutines-before.Goroutines) / sessions,
		report.IdleConnectRate: rate,
	}, nil
}

// sessions adds n idle sessions and returns what the server then holds, and
// how many were connected a second.
func (m *measurement) sessions(n int) (child.MemoryInfo, float64, error) {
	begin := time.Now()
	if err := m.dial(n, false); err != nil {
		return child.MemoryInfo{}, 0, err
	}
	rate := float64(n) / time.Since(begin).Seconds()
	r, err := m.server.Do(child.Request{Do: child.Memory})
	return r.Memory, rate, err
}

func micro(d time.Duration) float64 { return d.Seconds() * 1e6 }

func milli(d time.Duration) float64 { return d.Seconds() * 1e3 }
