package report

import (
	"fmt"

	"github.com/twinwire/twinwire/bench/peer"
)

// The bars that twinwire is held to. Figures of one machine say little about
// another, so each has a side that is relative to the floor or to the bare
// library of the same run.
const (
	// maxLatency is the most that one call in flight may take, as a multiple
	// of an echo over the bare library.
	maxLatency = 1.5
	// minOfFloor is the part of the floor's calls that is enough where the
	// absolute bar is out of the machine's reach.
	minOfFloor = 0.4
	// minCallsTLS and minCallsQUIC are calls per second on one connection.
	minCallsTLS  = 200_000
	minCallsQUIC = 150_000
)

// A Verdict says whether a bar is held.
type Verdict string

const (
	// Pass means that the bar is held.
	Pass Verdict = "pass"
	// Fail means that it is not.
	Fail Verdict = "fail"
	// NotMeasured means that a figure that the bar is about is missing.
	NotMeasured Verdict = "not measured"
)

// A Bar is something that must hold.
type Bar struct {
	Name    string    `json:"name"`
	Wire    peer.Wire `json:"wire"`
	Verdict Verdict   `json:"verdict"`
	Got     float64   `json:"got"`
	Want    float64   `json:"want"`
	Detail  string    `json:"detail"`
}

// Workloads that bars speak of.
const (
	OneInFlight  = "calls-1"
	ManyInFlight = "calls-1024"
)

func bars(r *Report) []Bar {
	return []Bar{
		latencyBar(r, peer.TLS),
		latencyBar(r, peer.QUIC),
		rateBar(r, peer.TLS, minCallsTLS),
		rateBar(r, peer.QUIC, minCallsQUIC),
	}
}

func latencyBar(r *Report, w peer.Wire) Bar {
	b := Bar{
		Name:    fmt.Sprintf("one in flight: p50 at most %.2g x the bare library", maxLatency),
		Wire:    w,
		Verdict: NotMeasured,
		Want:    maxLatency,
	}
	subject := r.find(peer.Subject, w, OneInFlight, CallP50)
	if subject == nil || subject.PerBare == nil {
		return b
	}
	b.Got = *subject.PerBare
	b.Detail = fmt.Sprintf("%.2f x", b.Got)
	b.Verdict = verdict(b.Got <= b.Want)
	return b
}

// rateBar needs the floor only where the absolute bar is not reached.
func rateBar(r *Report, w peer.Wire, absolute float64) Bar {
	b := Bar{
		Name: fmt.Sprintf("1,024 in flight, one connection: at least %s calls/s, or %.0f %% of the floor if less",
			number(absolute, 0), minOfFloor*100),
		Wire:    w,
		Verdict: NotMeasured,
		Want:    absolute,
	}
	subject := r.find(peer.Subject, w, ManyInFlight, CallRate)
	if subject == nil {
		return b
	}
	b.Got = subject.Median
	b.Detail = number(b.Got, 0) + " calls/s"
	if subject.PerFloor == nil {
		if b.Got >= absolute {
			b.Verdict = Pass
		}
		return b
	}
	// The ratio is the one of the table, which is taken round by round.
	b.Want = min(absolute, minOfFloor*b.Got / *subject.PerFloor)
	b.Detail += fmt.Sprintf(", %.0f %% of the floor", *subject.PerFloor*100)
	b.Verdict = verdict(b.Got >= absolute || *subject.PerFloor >= minOfFloor)
	return b
}

func verdict(held bool) Verdict {
	if held {
		return Pass
	}
	return Fail
}

// find returns a figure of the peer of that kind and wire, or nil.
func (r *Report) find(kind peer.Kind, w peer.Wire, workload string, m Metric) *Figure {
	for i := range r.Results {
		res := &r.Results[i]
		if res.Kind == kind && res.Wire == w && res.Workload == workload {
			return res.figure(m)
		}
	}
	return nil
}

// Failed reports whether a bar that was measured is not held.
func (r *Report) Failed() bool {
	for _, b := range r.Bars {
		if b.Verdict == Fail {
			return true
		}
	}
	return false
}
