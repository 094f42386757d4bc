package suite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twinwire/twinwire/bench/child"
	"github.com/twinwire/twinwire/bench/report"
)

// allowance is how much longer than estimated a run may take before it is
// ended: something hangs then.
const allowance = 45 * time.Second

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
	limit := 2*r.Workload.estimate(s) + allowance
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done after %v", limit))
	defer cancel()
	defer func() {
		// A child that was cut off reports that; why it was is the news.
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("%w (%v)", context.Cause(ctx), err)
		}
	}()
	pair, err := child.StartPair(ctx, r.Peer.Info().Name)
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
	case idle:
		return m.idle()
	default:
		return m.calls(r.Workload.conns, r.Workload.perConn)
	}
}

func (m *measurement) dial(conns int, subscribe bool) error {
	_, err := m.client.Do(child.Request{
		Do:          child.Dial,
		Addr:        m.listen.Addr,
		Certificate: m.listen.Certificate,
		Conns:       conns,
		Subscribe:   subscribe,
	})
	return err
}

// window is what happened between two marks, on both sides. Each side has its
// own times, so figures are formed from rates.
type window struct {
	count         float64 // per second: calls or deliveries
	times         int64   // how many p50 and p99 are made of
	p50, p99      time.Duration
	serverCPU     float64 // seconds per second
	serverMallocs float64 // per second
	clientCPU     float64 // seconds per second
}

// observe waits until the work that has begun is warm, and then measures it.
func (m *measurement) observe(warm time.Duration) (window, error) {
	if err := m.wait(warm); err != nil {
		return window{}, err
	}
	server0, client0, err := m.marks()
	if err != nil {
		return window{}, err
	}
	if err := m.wait(m.settings.Measure); err != nil {
		return window{}, err
	}
	server1, client1, err := m.marks()
	if err != nil {
		return window{}, err
	}
	client := (client1.Uptime - client0.Uptime).Seconds()
	server := (server1.Uptime - server0.Uptime).Seconds()
	w := window{
		count:         float64(client1.Count-client0.Count) / client,
		times:         client1.Latency.Count,
		p50:           client1.Latency.P50,
		p99:           client1.Latency.P99,
		serverCPU:     (server1.CPU - server0.CPU).Seconds() / server,
		serverMallocs: float64(server1.Mallocs-server0.Mallocs) / server,
		clientCPU:     (client1.CPU - client0.CPU).Seconds() / client,
	}
	if w.count == 0 {
		return window{}, fmt.Errorf("nothing was answered or delivered in %v", m.settings.Measure)
	}
	return w, nil
}

func (m *measurement) marks() (server, client child.MarkReply, err error) {
	c, err := m.client.Do(child.Request{Do: child.Mark})
	if err != nil {
		return server, client, err
	}
	s, err := m.server.Do(child.Request{Do: child.Mark})
	return s.Mark, c.Mark, err
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

func (m *measurement) calls(conns, perConn int) (report.Values, error) {
	if err := m.dial(conns, false); err != nil {
		return nil, err
	}
	if _, err := m.client.Do(child.Request{Do: child.Call, PerConn: perConn}); err != nil {
		return nil, err
	}
	w, err := m.observe(m.settings.Warm)
	if err != nil {
		return nil, err
	}
	if _, err := m.client.Do(child.Request{Do: child.Stop}); err != nil {
		return nil, err
	}
	values := report.Values{
		report.CallRate:      w.count,
		report.CallCPU:       micro(w.serverCPU / w.count),
		report.CallAllocs:    w.serverMallocs / w.count,
		report.CallClientCPU: micro(w.clientCPU / w.count),
	}
	// A peer may be so slow that no caller finished a call whose time is
	// taken.
	if w.times > 0 {
		values[report.CallP50] = micro(w.p50.Seconds())
		values[report.CallP99] = micro(w.p99.Seconds())
	}
	return values, nil
}

func (m *measurement) fanOut() (report.Values, error) {
	if err := m.dial(m.settings.Subscribers, true); err != nil {
		return nil, err
	}
	interval := time.Duration(m.settings.Subscribers) * time.Second / time.Duration(m.settings.EventRate)
	fixed, err := m.publish(interval)
	if err != nil {
		return nil, err
	}
	most, err := m.publish(0)
	if err != nil {
		return nil, err
	}
	return report.Values{
		report.EventP50:       milli(fixed.p50.Seconds()),
		report.EventP99:       milli(fixed.p99.Seconds()),
		report.EventFixedRate: fixed.count,
		report.EventFixedCPU:  micro(fixed.serverCPU / fixed.count),
		report.EventRate:      most.count,
		report.EventCPU:       micro(most.serverCPU / most.count),
		report.EventAllocs:    most.serverMallocs / most.count,
	}, nil
}

// fanOutWarm is how many times longer events take to warm up than calls: new
// QUIC connections have work of their own to finish.
const fanOutWarm = 3

func (m *measurement) publish(interval time.Duration) (window, error) {
	if _, err := m.server.Do(child.Request{Do: child.Publish, Interval: interval}); err != nil {
		return window{}, err
	}
	w, err := m.observe(fanOutWarm * m.settings.Warm)
	if err != nil {
		return window{}, err
	}
	_, err = m.server.Do(child.Request{Do: child.Quiet})
	return w, err
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

func micro(seconds float64) float64 { return seconds * 1e6 }

func milli(seconds float64) float64 { return seconds * 1e3 }
