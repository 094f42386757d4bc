package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twinwire/twinwire/bench/peer"
)

// A rule is a bar about one figure of twinwire's, by itself or as a multiple of
// what others reach in the same rounds.
type rule struct {
	what     string // what is compared, with its conditions
	wire     peer.Wire
	workload string
	metric   Metric
	most     bool // the limit is the most there may be; otherwise the least
	limit    float64

	// At most one of these is set. Without any the limit is absolute.
	kind   peer.Kind   // the reference of that kind on the same wire
	rivals []string    // beginnings of the names of other frameworks, "" for all
	wires  []peer.Wire // of the frameworks that count; none for all
}

// everyone is the beginning of every name.
var everyone = []string{""}

const (
	grpc    = "grpc-go"
	connect = "connect-go"
	nats    = "nats"
)

// rules returns all of them. docs/performance.md says how they are held.
func rules() []rule {
	const ws, quic, memory = peer.TLS, peer.QUIC, peer.Memory
	return []rule{
		{what: "one in flight, p50", wire: ws, workload: OneInFlight, metric: CallP50, most: true, limit: 1.25, kind: peer.Bare},
		{what: "one in flight, p50", wire: quic, workload: OneInFlight, metric: CallP50, most: true, limit: 1.25, kind: peer.Bare},
		{what: "one in flight, p50", wire: ws, workload: OneInFlight, metric: CallP50, most: true, limit: 1, rivals: everyone, wires: []peer.Wire{ws}},
		{what: "one in flight, p50", wire: quic, workload: OneInFlight, metric: CallP50, most: true, limit: 1, rivals: []string{grpc, connect}},

		{what: "64 in flight, calls/s", wire: ws, workload: SomeInFlight, metric: CallRate, limit: 5, rivals: []string{grpc}},
		{what: "64 in flight, calls/s", wire: ws, workload: SomeInFlight, metric: CallRate, limit: 2, rivals: []string{nats}},
		{what: "64 in flight, calls/s", wire: ws, workload: SomeInFlight, metric: CallRate, limit: 0.5, kind: peer.Floor},
		{what: "64 in flight, calls/s", wire: ws, workload: SomeInFlight, metric: CallRate, limit: 1, rivals: everyone},
		{what: "64 in flight, calls/s", wire: quic, workload: SomeInFlight, metric: CallRate, limit: 4, rivals: []string{grpc}},
		{what: "1,024 in flight, calls/s", wire: ws, workload: ManyInFlight, metric: CallRate, limit: 5, rivals: []string{grpc}},
		{what: "1,024 in flight, calls/s", wire: ws, workload: ManyInFlight, metric: CallRate, limit: 2, rivals: []string{nats}},
		{what: "1,024 in flight, calls/s", wire: ws, workload: ManyInFlight, metric: CallRate, limit: 0.5, kind: peer.Floor},
		{what: "1,024 in flight, calls/s", wire: ws, workload: ManyInFlight, metric: CallRate, limit: 1, rivals: everyone},
		{what: "1,024 in flight, calls/s", wire: quic, workload: ManyInFlight, metric: CallRate, limit: 4, rivals: []string{grpc}},
		{what: "1,024 in flight, calls/s", wire: quic, workload: ManyInFlight, metric: CallRate, limit: 1, rivals: everyone},
		{what: "1,024 in flight, CPU of both sides", wire: ws, workload: ManyInFlight, metric: CallBothCPU, most: true, limit: 1, rivals: everyone},
		{what: "1,024 in flight, CPU of both sides", wire: quic, workload: ManyInFlight, metric: CallBothCPU, most: true, limit: 1, rivals: everyone},
		{what: "100 x 16, calls/s", wire: ws, workload: ManyConns, metric: CallRate, limit: 4, rivals: []string{grpc}},
		{what: "100 x 16, calls/s", wire: ws, workload: ManyConns, metric: CallRate, limit: 1, rivals: everyone},
		{what: "100 x 16, calls/s", wire: quic, workload: ManyConns, metric: CallRate, limit: 3, rivals: []string{grpc}},

		{what: "one in flight, p50 in µs", wire: memory, workload: OneInFlight, metric: CallP50, most: true, limit: 5},
		{what: "one in flight, allocations of both sides", wire: memory, workload: OneInFlight, metric: CallClientAllocs, most: true, limit: 5},
		{what: "1,024 in flight, CPU µs of both sides", wire: memory, workload: ManyInFlight, metric: CallBothCPU, most: true, limit: 2},

		{what: "fan-out to many, deliveries/s", wire: ws, workload: FanOutMany, metric: EventRate, limit: 0.9, kind: peer.Bare},
		{what: "fan-out, p99 at the fixed rate", wire: ws, workload: FanOut, metric: EventP99, most: true, limit: 1.4, kind: peer.Floor},
		{what: "fan-out, p99 at the fixed rate", wire: quic, workload: FanOut, metric: EventP99, most: true, limit: 1.3, kind: peer.Floor},
		{what: "fan-out, deliveries/s", wire: ws, workload: FanOut, metric: EventRate, limit: 1, rivals: []string{nats}},
		{what: "fan-out to many, deliveries/s", wire: ws, workload: FanOutMany, metric: EventRate, limit: 1, rivals: []string{nats}},

		{what: "an idle session, KiB", wire: ws, workload: Idle, metric: IdleResident, most: true, limit: 1.2, kind: peer.Bare},
		{what: "an idle session, KiB", wire: quic, workload: Idle, metric: IdleResident, most: true, limit: 1.15, kind: peer.Bare},
		{what: "an idle session, goroutines", wire: ws, workload: Idle, metric: IdleGoroutines, most: true, limit: 1.01},

		{what: "payloads of 1 MiB, one in flight, MiB/s", wire: ws, workload: OnePayload, metric: PayloadRate, limit: 0.85, kind: peer.Bare},
		{what: "payloads of 1 MiB, one in flight, MiB/s", wire: quic, workload: OnePayload, metric: PayloadRate, limit: 0.85, kind: peer.Bare},
		{what: "payloads of 1 MiB, 4 in flight, MiB/s", wire: ws, workload: FourPayloads, metric: PayloadRate, limit: 0.85, kind: peer.Bare},
		{what: "payloads of 1 MiB, 4 in flight, MiB/s", wire: quic, workload: FourPayloads, metric: PayloadRate, limit: 0.85, kind: peer.Bare},
		{what: "streams of 1 MiB, MiB/s", wire: ws, workload: SmallStreams, metric: StreamRate, limit: 0.8, kind: peer.Bare},
		{what: "streams of 1 MiB, MiB/s", wire: quic, workload: SmallStreams, metric: StreamRate, limit: 0.8, kind: peer.Bare},
		{what: "streams of 64 MiB, MiB/s", wire: ws, workload: LargeStreams, metric: StreamRate, limit: 0.8, kind: peer.Bare},
		{what: "streams of 64 MiB, MiB/s", wire: quic, workload: LargeStreams, metric: StreamRate, limit: 0.8, kind: peer.Bare},
	}
}

// name says what must hold.
func (l rule) name() string {
	bound := "at least"
	if l.most {
		bound = "at most"
	}
	switch {
	case l.kind == peer.Bare:
		return fmt.Sprintf("%s: %s %.3g x the bare library", l.what, bound, l.limit)
	case l.kind == peer.Floor:
		return fmt.Sprintf("%s: %s %.3g x the floor", l.what, bound, l.limit)
	case l.rivals == nil:
		return fmt.Sprintf("%s: %s %.3g", l.what, bound, l.limit)
	case slices.Equal(l.rivals, everyone) && len(l.wires) > 0:
		return l.what + ": ahead of every other framework on this wire"
	case slices.Equal(l.rivals, everyone):
		return l.what + ": ahead of every other framework"
	case l.limit == 1:
		return l.what + ": ahead of " + strings.Join(l.rivals, " and ")
	}
	return fmt.Sprintf("%s: %s %.3g x %s", l.what, bound, l.limit, strings.Join(l.rivals, " and "))
}

// bar holds the subject to the rule. What was compared with several is held to
// the one that comes closest.
func (l rule) bar(r *Report) Bar {
	b := Bar{Name: l.name(), Wire: l.wire, Verdict: NotMeasured, Want: l.limit}
	subject := r.find(peer.Subject, l.wire, l.workload, l.metric)
	if subject == nil {
		return b
	}
	holds := func(v float64) bool { return l.most && v <= l.limit || !l.most && v >= l.limit }
	if l.kind == "" && l.rivals == nil {
		b.Got, b.Detail = subject.Median, Number(subject.Median, 2)
		b.Verdict = verdict(holds(b.Got))
		return b
	}
	for i := range r.Results {
		res := &r.Results[i]
		if res.Workload != l.workload || !l.counts(res) {
			continue
		}
		ratio := subject.ratio(res.figure(l.metric))
		if ratio == nil {
			continue
		}
		if b.Verdict == NotMeasured || l.most == (*ratio > b.Got) {
			b.Got, b.Detail = *ratio, fmt.Sprintf("%.2f x %s", *ratio, res.Peer)
			b.Verdict = verdict(holds(b.Got))
		}
	}
	return b
}

// counts reports whether a result is one that the rule compares with.
func (l rule) counts(res *Result) bool {
	if l.rivals == nil {
		return res.Kind == l.kind && res.Wire == l.wire
	}
	return res.Kind == peer.Other && (len(l.wires) == 0 || slices.Contains(l.wires, res.Wire)) &&
		slices.ContainsFunc(l.rivals, func(prefix string) bool { return strings.HasPrefix(res.Peer, prefix) })
}
