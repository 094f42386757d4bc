// Package suite decides what runs when: which workloads there are, in which
// order the runs are interleaved, and how one run goes.
package suite

import (
	"fmt"
	"time"

	"github.com/twinwire/twinwire/bench/report"
)

// What a workload does.
type task int

const (
	calls  task = iota // keep calls under way
	fanOut             // publish events to subscribers
	idle               // hold sessions that do nothing
)

// A Workload is what a peer is asked to do in one run.
type Workload struct {
	Name     string // [a-z0-9-]: it is typed after -run
	title    string
	headline []report.Metric
	task     task
	conns    int // calls: connections
	perConn  int // calls: in flight on each
}

// Workloads returns all there are, in the order in which they run.
func Workloads(s report.Settings) []Workload {
	rate := []report.Metric{report.CallRate}
	return []Workload{
		{report.OneInFlight, "one call in flight", []report.Metric{report.CallP50}, calls, 1, 1},
		{"calls-64", "64 in flight, one connection", rate, calls, 1, 64},
		{report.ManyInFlight, "1,024 in flight, one connection", rate, calls, 1, 1024},
		{"calls-100x16", "16 in flight on each of 100 connections", rate, calls, 100, 16},
		{
			Name: "fan-out",
			title: fmt.Sprintf("fan-out to %d subscribers",
				s.Subscribers),
			headline: []report.Metric{report.EventRate, report.EventP50},
			task:     fanOut,
		},
		{
			Name:     "idle",
			title:    fmt.Sprintf("server's memory, %d idle sessions", s.IdleSessions),
			headline: []report.Metric{report.IdleResident},
			task:     idle,
		},
	}
}

// Section says how the workload is shown.
func (w Workload) Section() report.Section {
	return report.Section{Workload: w.Name, Title: w.title, Headline: w.headline}
}

// rounds returns how often the workload runs. Those that open many
// connections take long and vary little.
func (w Workload) rounds(s report.Settings) int {
	if w.task == calls {
		return s.Rounds
	}
	return min(s.Rounds, s.LongRounds)
}

const (
	// overhead is what starting and ending two processes takes, roughly.
	overhead = 60 * time.Millisecond
	// connectTime is what one connection takes, roughly.
	connectTime = 800 * time.Microsecond
	// settleTime is what looking at the memory takes, roughly.
	settleTime = 400 * time.Millisecond
)

// estimate is roughly how long a run takes.
func (w Workload) estimate(s report.Settings) time.Duration {
	switch w.task {
	case fanOut:
		return overhead + 2*(fanOutWarm*s.Warm+s.Measure) + time.Duration(s.Subscribers)*connectTime
	case idle:
		return overhead + 2*settleTime + time.Duration(s.IdleSessions)*connectTime
	default:
		return overhead + s.Warm + s.Measure + time.Duration(w.conns)*connectTime
	}
}
