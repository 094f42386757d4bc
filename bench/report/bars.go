package report

import (
	"fmt"

	"github.com/twinwire/twinwire/bench/peer"
)

// Bars that have a side of their own; ratios.go has those that are ratios only.
// Figures of one machine say little about another, so each of these too has a
// side that is relative to the same run.
const (
	// minCallsQUIC is calls per second on one connection, and minOfFloor the
	// part of the floor's calls that is enough where that is out of the
	// machine's reach.
	minCallsQUIC = 150_000
	minOfFloor   = 0.4
	// minValues is values per second in one stream over TLS, and minValuesOfFloor
	// the part of the floor that is enough where the machine does not reach it.
	minValues        = 500_000
	minValuesOfFloor = 0.5
	// minPerCalls is how many times as many messages as calls there are.
	minPerCalls = 2
	// maxLoaded is the most that the p99 of one call in flight may be beside
	// streams, as a multiple of the p99 without them, and loadedEnough, in
	// microseconds, what is good enough over QUIC whatever it is without them.
	maxLoaded    = 5
	loadedEnough = 3000
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

func bars(r *Report) []Bar {
	all := []Bar{
		callsBar(r, peer.QUIC, minCallsQUIC),
		messagesBar(r, peer.TLS),
		messagesBar(r, peer.QUIC),
		valuesBar(r),
		loadedBar(r, peer.TLS, 0),
		loadedBar(r, peer.QUIC, loadedEnough),
	}
	var ratios []Bar
	for _, rule := range rules() {
		if rule.rivals == nil || r.Settings.Peers {
			ratios = append(ratios, rule.bar(r))
		}
	}
	return append(ratios, all...)
}

func callsBar(r *Report, w peer.Wire, absolute float64) Bar {
	b := Bar{
		Name: fmt.Sprintf("1,024 in flight, one connection: at least %s calls/s, or %.0f %% of the floor if less",
			Number(absolute, 0), minOfFloor*100),
		Wire: w,
		Want: absolute,
	}
	return b.rate(r.find(peer.Subject, w, ManyInFlight, CallRate), "calls/s", minOfFloor)
}

func valuesBar(r *Report) Bar {
	b := Bar{
		Name: fmt.Sprintf("values: at least %s values/s, or %.0f %% of the floor if less",
			Number(minValues, 0), minValuesOfFloor*100),
		Wire: peer.TLS,
		Want: minValues,
	}
	return b.rate(r.find(peer.Subject, peer.TLS, ValueStream, ValueRate), "values/s", minValuesOfFloor)
}

// rate holds the subject to an absolute rate, or to a part of the floor. It
// needs the floor only where the absolute rate is not reached.
func (b Bar) rate(subject *Figure, unit string, ofFloor float64) Bar {
	b.Verdict = NotMeasured
	if subject == nil {
		return b
	}
	absolute := b.Want
	b.Got = subject.Median
	b.Detail = Number(b.Got, 0) + " " + unit
	if subject.PerFloor == nil {
		if b.Got >= absolute {
			b.Verdict = Pass
		}
		return b
	}
	// The ratio is the one of the table, which is taken round by round.
	b.Want = min(absolute, ofFloor*b.Got / *subject.PerFloor)
	b.Detail += fmt.Sprintf(", %.0f %% of the floor", *subject.PerFloor*100)
	b.Verdict = verdict(b.Got >= absolute || *subject.PerFloor >= ofFloor)
	return b
}

func messagesBar(r *Report, w peer.Wire) Bar {
	b := Bar{
		Name:    fmt.Sprintf("messages: at least %d x the calls with 1,024 in flight", minPerCalls),
		Wire:    w,
		Verdict: NotMeasured,
		Want:    minPerCalls,
	}
	messages := r.find(peer.Subject, w, Messages, MessageRate)
	if messages == nil {
		return b
	}
	ratio := messages.ratio(r.find(peer.Subject, w, ManyInFlight, CallRate))
	if ratio == nil {
		return b
	}
	b.Got = *ratio
	b.Detail = fmt.Sprintf("%s messages/s, %.2f x", Number(messages.Median, 0), b.Got)
	b.Verdict = verdict(b.Got >= b.Want)
	return b
}

// loadedBar compares the p99 of calls beside streams with the p99 of calls
// without. Up to enough microseconds it is held in any case.
func loadedBar(r *Report, w peer.Wire, enough float64) Bar {
	b := Bar{
		Name:    fmt.Sprintf("one in flight beside streams: p99 at most %d x the p99 without", maxLoaded),
		Wire:    w,
		Verdict: NotMeasured,
		Want:    maxLoaded,
	}
	if enough > 0 {
		b.Name += fmt.Sprintf(", or %s µs if more", Number(enough, 0))
	}
	loaded := r.find(peer.Subject, w, Loaded, LoadedP99)
	if loaded == nil {
		return b
	}
	ratio := loaded.ratio(r.find(peer.Subject, w, OneInFlight, CallP99))
	if ratio == nil {
		return b
	}
	b.Got = *ratio
	b.Detail = fmt.Sprintf("%s µs, %.2f x", Number(loaded.Median, 0), b.Got)
	b.Verdict = verdict(b.Got <= b.Want || loaded.Median <= enough)
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
