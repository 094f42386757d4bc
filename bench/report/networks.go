package report

import (
	"fmt"
	"strings"

	"github.com/twinwire/twinwire/bench/peer"
)

// networkRules returns the bars about bad networks that are about one figure.
func networkRules() []rule {
	const ws, bbr, quic = peer.TLS, peer.TLSBBR, peer.QUIC
	const beside = "calls beside five messages of 64 KiB a second"
	return []rule{
		{what: beside + " without loss, p99 in ms", wire: ws, workload: BesideMessages + lossless, metric: NetP99, most: true, limit: 55},
		{what: beside + " without loss, p99 in ms", wire: quic, workload: BesideMessages + lossless, metric: NetP99, most: true, limit: 55},
		{what: beside + " at 2 % loss, p99 in ms", wire: quic, workload: BesideMessages + lossy, metric: NetP99, most: true, limit: 150},
		{what: beside + " at 2 % loss, p99", wire: ws, workload: BesideMessages + lossy, metric: NetP99, most: true, limit: 0.5, kind: peer.Bare},
		{what: beside + " at 2 % loss, p99", wire: bbr, workload: BesideMessages + lossy, metric: NetP99, most: true, limit: 0.6, kind: peer.Bare},

		{what: "a transfer at 1 % loss, Mbit/s", wire: bbr, workload: Bulk + bulkLossy, metric: NetRate, limit: 0.9, kind: peer.Bare},
		{what: "a transfer at 1 % loss, Mbit/s (8.5 MB/s)", wire: bbr, workload: Bulk + bulkLossy, metric: NetRate, limit: 68},

		{what: "calls beside two streams to the server at 10 Mbit/s, p99 in ms", wire: ws, workload: SlowUp, metric: NetP99, most: true, limit: 300},
		{what: "calls beside two streams to the server at 10 Mbit/s, p99 in ms", wire: quic, workload: SlowUp, metric: NetP99, most: true, limit: 300},
		{what: "calls beside two streams from the server at 10 Mbit/s, p99 in ms", wire: ws, workload: SlowDown, metric: NetP99, most: true, limit: 300},
		{what: "calls beside two streams from the server at 10 Mbit/s, p99 in ms", wire: quic, workload: SlowDown, metric: NetP99, most: true, limit: 300},
		{what: "the streams to the server, what they keep of their rate", wire: ws, workload: SlowUp, metric: NetKept, limit: 0.9},
		{what: "the streams to the server, what they keep of their rate", wire: quic, workload: SlowUp, metric: NetKept, limit: 0.9},
		{what: "the streams from the server, what they keep of their rate", wire: ws, workload: SlowDown, metric: NetKept, limit: 0.9},
		{what: "the streams from the server, what they keep of their rate", wire: quic, workload: SlowDown, metric: NetKept, limit: 0.9},
	}
}

func networkBars(r *Report) []Bar {
	var all []Bar
	for _, rule := range networkRules() {
		all = append(all, rule.bar(r))
	}
	all = append(all, bulkBar(r))
	for _, w := range []peer.Wire{peer.TLS, peer.QUIC} {
		all = append(all,
			lostBar(r, w, "events on 50 topics: none is lost on any network", OnTopics),
			lostBar(r, w, "events while the link is cut: none is lost", ShortCut, LongCut))
	}
	return all
}

// bulkBar compares the best of twinwire's wires with the best bare wire, where
// nobody asks for a congestion control.
func bulkBar(r *Report) Bar {
	const least = 0.9
	b := Bar{
		Name:    fmt.Sprintf("a transfer at 1 %% loss, Mbit/s: the better wire at least %.3g x the better bare library", least),
		Wire:    peer.Both,
		Verdict: NotMeasured,
		Want:    least,
	}
	best := func(kind peer.Kind) *Figure {
		ws, quic := r.find(kind, peer.TLS, Bulk+bulkLossy, NetRate), r.find(kind, peer.QUIC, Bulk+bulkLossy, NetRate)
		if ws == nil || quic == nil || quic.Median > ws.Median {
			return quic
		}
		return ws
	}
	own, bare := best(peer.Subject), best(peer.Bare)
	if own == nil {
		return b
	}
	ratio := own.ratio(bare)
	if ratio == nil {
		return b
	}
	b.Got, b.Detail = *ratio, fmt.Sprintf("%.2f x, %s and %s Mbit/s", *ratio, Number(own.Median, 2), Number(bare.Median, 2))
	b.Verdict = verdict(b.Got >= b.Want)
	return b
}

// lostBar counts the events that were lost in workloads whose names begin so.
func lostBar(r *Report, w peer.Wire, name string, workloads ...string) Bar {
	b := Bar{Name: name, Wire: w, Verdict: NotMeasured}
	runs := 0
	for i := range r.Results {
		res := &r.Results[i]
		if res.Kind != peer.Subject || res.Wire != w {
			continue
		}
		for _, begin := range workloads {
			if f := res.figure(NetLost); f != nil && strings.HasPrefix(res.Workload, begin) {
				runs += len(f.Rounds)
				b.Got += f.Max
			}
		}
	}
	if runs > 0 {
		b.Detail = fmt.Sprintf("%s lost in %d runs", Number(b.Got, 0), runs)
		b.Verdict = verdict(b.Got == 0)
	}
	return b
}
