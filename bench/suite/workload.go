// Package suite decides what runs when: which workloads there are, in which
// order the runs are interleaved, and how one run goes.
package suite

import (
	"fmt"
	"slices"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/report"
)

// What a workload does.
type task int

const (
	calls       task = iota // keep calls under way
	fanOut                  // publish events to subscribers
	idle                    // hold sessions that do nothing
	byteStreams             // send streams of bytes, one after another
	valueStream             // send a stream of values
	oneWay                  // send one-way messages
	loaded                  // make calls while streams of bytes are under way
	paced                   // make calls at a fixed rate
	payloads                // keep calls with large payloads under way
	fanOutMany              // publish events to many more subscribers
)

// A Workload is what a peer is asked to do in one run.
type Workload struct {
	Name     string // [a-z0-9%-]: it is typed after -run
	title    string
	headline []report.Metric
	task     task
	conns    int // calls: connections
	perConn  int // calls: in flight on each
	size     int // byteStreams, loaded: bytes of each stream; payloads: of each payload
	down     bool
	rate     int // paced: calls a second

	// Across a bad network instead, for the peers of these names.
	cross crossing
	who   []string
	takes time.Duration
}

// needs returns what a peer has to be able to do.
func (w Workload) needs() peer.Ability {
	switch w.task {
	case byteStreams, loaded:
		return peer.Streams
	case fanOut, fanOutMany:
		return peer.Events
	case valueStream:
		return peer.Values
	case oneWay:
		return peer.Messages
	default:
		return 0
	}
}

// For reports whether the workload is for a peer.
func (w Workload) For(p peer.Info) bool {
	if w.cross != nil {
		return slices.Contains(w.who, p.Name)
	}
	if w.task == idle && p.Wire == peer.Memory {
		return false // there is no server whose memory it could be
	}
	return p.Can&w.needs() == w.needs()
}

// Workloads returns all there are, in the order in which they run: on loopback,
// or across networks.
func Workloads(s report.Settings) []Workload {
	if !s.Networks {
		return loopback(s)
	}
	var all []Workload
	for _, g := range links(s) {
		all = append(all, g.workloads...)
	}
	return all
}

// Sections says how what was measured is shown.
func Sections(s report.Settings) []report.Section {
	var all []report.Section
	if !s.Networks {
		for _, w := range loopback(s) {
			all = append(all, report.Section{Title: w.title, Headline: w.headline, Workloads: []string{w.Name}})
		}
		return all
	}
	for _, g := range links(s) {
		shown := report.Section{Title: g.title, Headline: g.headline, Labels: g.labels}
		for _, w := range g.workloads {
			shown.Workloads = append(shown.Workloads, w.Name)
		}
		all = append(all, shown)
	}
	return all
}

func loopback(s report.Settings) []Workload {
	rate := []report.Metric{report.CallRate}
	stream := []report.Metric{report.StreamRate}
	late := []report.Metric{report.PacedP99}
	payload := []report.Metric{report.PayloadRate}
	return []Workload{
		{Name: report.OneInFlight, title: "one call in flight", headline: []report.Metric{report.CallP50}, task: calls, conns: 1, perConn: 1},
		{Name: report.SomeInFlight, title: "64 in flight, one connection", headline: rate, task: calls, conns: 1, perConn: 64},
		{Name: report.ManyInFlight, title: "1,024 in flight, one connection", headline: rate, task: calls, conns: 1, perConn: 1024},
		{Name: report.ManyConns, title: "16 in flight on each of 100 connections", headline: rate, task: calls, conns: 100, perConn: 16},
		{Name: report.PacedSlow, title: pacedTitle(5000), headline: late, task: paced, conns: 1, perConn: pacedCallers, rate: 5000},
		{Name: report.PacedMedium, title: pacedTitle(20_000), headline: late, task: paced, conns: 1, perConn: pacedCallers, rate: 20_000},
		{Name: report.PacedFast, title: pacedTitle(100_000), headline: late, task: paced, conns: 1, perConn: pacedCallers, rate: 100_000},
		{Name: report.OnePayload, title: "payloads of 1 MiB, one call in flight", headline: payload, task: payloads, conns: 1, perConn: 1, size: 1 << 20},
		{Name: report.FourPayloads, title: "payloads of 1 MiB, 4 in flight, one connection", headline: payload, task: payloads, conns: 1, perConn: 4, size: 1 << 20},
		{Name: report.Messages, title: "one-way messages of 64 bytes", headline: []report.Metric{report.MessageRate}, task: oneWay},
		{Name: report.ValueStream, title: "a stream of values of 64 bytes", headline: []report.Metric{report.ValueRate}, task: valueStream},
		{Name: report.SmallStreams, title: "streams of 1 MiB to the server", headline: stream, task: byteStreams, size: 1 << 20},
		{Name: report.LargeStreams, title: "streams of 64 MiB to the server", headline: stream, task: byteStreams, size: 64 << 20},
		{
			Name:     report.Loaded,
			title:    "one call in flight beside two streams to the server",
			headline: []report.Metric{report.LoadedP99},
			task:     loaded,
			size:     loadedSize,
		},
		{
			Name:     report.LoadedDown,
			title:    "one call in flight beside two streams from the server",
			headline: []report.Metric{report.LoadedP99},
			task:     loaded,
			size:     loadedSize,
			down:     true,
		},
		{
			Name:     report.FanOut,
			title:    fmt.Sprintf("fan-out to %d subscribers", s.Subscribers),
			headline: []report.Metric{report.EventRate, report.EventP99},
			task:     fanOut,
		},
		{
			Name:     report.FanOutMany,
			title:    fmt.Sprintf("fan-out to %d subscribers", s.ManySubscribers),
			headline: []report.Metric{report.EventRate},
			task:     fanOutMany,
		},
		{
			Name:     report.Idle,
			title:    fmt.Sprintf("server's memory, %d idle sessions", s.IdleSessions),
			headline: []report.Metric{report.IdleResident},
			task:     idle,
		},
	}
}

// pacedCallers is how many callers share a fixed rate: so many calls can be under
// way.
const pacedCallers = 512

func pacedTitle(rate int) string {
	return fmt.Sprintf("%d calls/s on a fixed schedule, one connection", rate)
}

// rounds returns how often the workload runs. Those that open many connections
// take long, and all but the times of events vary little.
func (w Workload) rounds(s report.Settings) int {
	switch {
	case w.task == fanOutMany:
		return min(1, s.ManySubscribers)
	case w.task == idle, w.task == fanOut && s.Short:
		return min(s.Rounds, s.LongRounds)
	default:
		return s.Rounds
	}
}

// loadedSize is the size of the streams beside calls, and loadedStreams how
// many of them are under way.
const (
	loadedSize    = 16 << 20
	loadedStreams = 2
)

const (
	// overhead is what starting and ending two processes takes, roughly.
	overhead = 60 * time.Millisecond
	// connectTime is what one connection takes, roughly.
	connectTime = 800 * time.Microsecond
	// manyDrain is what the last events to many subscribers take, roughly.
	manyDrain = 500 * time.Millisecond
	// settleTime is what looking at the memory takes, roughly.
	settleTime = 400 * time.Millisecond
)

// connections returns how many a run opens.
func (w Workload) connections(s report.Settings) int {
	switch w.task {
	case fanOut:
		return s.Subscribers
	case fanOutMany:
		return s.ManySubscribers
	case idle:
		return s.IdleSessions
	default:
		return w.conns
	}
}

// estimate is roughly how long a run takes.
func (w Workload) estimate(s report.Settings) time.Duration {
	if w.cross != nil {
		return linkOverhead + w.takes
	}
	connecting := overhead + time.Duration(w.connections(s))*connectTime
	switch w.task {
	case fanOut:
		return connecting + 2*fanOutWarm*s.Warm + (pacedEvents+1)*s.Measure
	case fanOutMany:
		return connecting + fanOutWarm*s.Warm + manyEvents*s.Measure + manyDrain
	case loaded:
		return connecting + 2*(s.Warm+s.Measure)
	case idle:
		return connecting + 2*settleTime
	default:
		return connecting + s.Warm + s.Measure
	}
}
