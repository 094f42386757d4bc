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
	// minOfBare is the part of the bare library's rate that a stream of bytes
	// reaches.
	minOfBare = 0.8
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

// Workloads that bars speak of.
const (
	OneInFlight  = "calls-1"
	ManyInFlight = "calls-1024"
	SmallStreams = "stream-1MiB"
	LargeStreams = "stream-64MiB"
	ValueStream  = "values"
	Messages     = "messages"
	Loaded       = "loaded"
)

func bars(r *Report) []Bar {
	return []Bar{
		latencyBar(r, peer.TLS),
		latencyBar(r, peer.QUIC),
		callsBar(r, peer.TLS, minCallsTLS),
		callsBar(r, peer.QUIC, minCallsQUIC),
		messagesBar(r, peer.TLS),
		messagesBar(r, peer.QUIC),
		valuesBar(r),
		streamsBar(r, peer.TLS, SmallStreams, "1 MiB"),
		streamsBar(r, peer.TLS, LargeStreams, "64 MiB"),
		streamsBar(r, peer.QUIC, SmallStreams, "1 MiB"),
		streamsBar(r, peer.QUIC, LargeStreams, "64 MiB"),
		loadedBar(r, peer.TLS, 0),
		loadedBar(r, peer.QUIC, loadedEnough),
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

func callsBar(r *Report, w peer.Wire, absolute float64) Bar {
	b := Bar{
		Name: fmt.Sprintf("1,024 in flight, one connection: at least %s calls/s, or %.0f %% of the floor if less",
			number(absolute, 0), minOfFloor*100),
		Wire: w,
		Want: absolute,
	}
	return b.rate(r.find(peer.Subject, w, ManyInFlight, CallRate), "calls/s", minOfFloor)
}

func valuesBar(r *Report) Bar {
	b := Bar{
		Name: fmt.Sprintf("values: at least %s values/s, or %.0f %% of the floor if less",
			number(minValues, 0), minValuesOfFloor*100),
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
	b.Detail = number(b.Got, 0) + " " + unit
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

func streamsBar(r *Report, w peer.Wire, workload, size string) Bar {
	b := Bar{
		Name:    fmt.Sprintf("streams of %s: at least %.0f %% of the bare library", size, minOfBare*100),
		Wire:    w,
		Verdict: NotMeasured,
		Want:    minOfBare,
	}
	subject := r.find(peer.Subject, w, workload, StreamRate)
	if subject == nil || subject.PerBare == nil {
		return b
	}
	b.Got = *subject.PerBare
	b.Detail = fmt.Sprintf("%s MiB/s, %.0f %%", number(subject.Median, 0), b.Got*100)
	b.Verdict = verdict(b.Got >= b.Want)
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
	b.Detail = fmt.Sprintf("%s messages/s, %.2f x", number(messages.Median, 0), b.Got)
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
		b.Name += fmt.Sprintf(", or %s µs if more", number(enough, 0))
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
	b.Detail = fmt.Sprintf("%s µs, %.2f x", number(loaded.Median, 0), b.Got)
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
