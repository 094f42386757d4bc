package report

import (
	"fmt"
	"strings"

	"github.com/twinwire/twinwire/bench/peer"
)

// A Win is a case in which twinwire is better over WebSocket, with or without
// BBR, than over QUIC.
type Win struct {
	Network   string  `json:"network"`
	What      string  `json:"what"`
	Unit      string  `json:"unit"`
	WebSocket float64 `json:"websocket"`
	QUIC      float64 `json:"quic"`
}

// clearly is by how much a wire has to be better to win: less is noise.
const clearly = 1.1

// contests are what the wires are compared by on each network.
func contests() []struct {
	workload, what string
	metric         Metric
	more           bool
} {
	return []struct {
		workload, what string
		metric         Metric
		more           bool
	}{
		{BesideTransfer, "p99 of calls beside a transfer", NetP99, false},
		{BesideTransfer, "the transfer", NetRate, true},
		{OnTopics, "p99 of events", NetP99, false},
		{BesideMessages, "p99 of calls beside large messages", NetP99, false},
		{Bulk, "a transfer alone", NetRate, true},
	}
}

// wins returns them in the order in which they were measured.
func wins(r *Report) []Win {
	all := []Win{}
	for _, c := range contests() {
		for i := range r.Results {
			res := &r.Results[i]
			network, ok := strings.CutPrefix(res.Workload, c.workload)
			if !ok || res.Kind != peer.Subject || res.Wire != peer.TLS && res.Wire != peer.TLSBBR {
				continue
			}
			what := c.what
			if res.Wire == peer.TLSBBR {
				what += " with BBR"
			}
			ws, quic := res.figure(c.metric), r.find(peer.Subject, peer.QUIC, res.Workload, c.metric)
			if ws == nil || quic == nil {
				continue
			}
			better := quic.Median / ws.Median
			if c.more {
				better = 1 / better
			}
			if better >= clearly {
				all = append(all, Win{network, what, ws.Unit, ws.Median, quic.Median})
			}
		}
	}
	return all
}

// WinsText says in one sentence, or with a list, when WebSocket is the better
// wire.
func (r *Report) WinsText() string {
	if len(r.Wins) == 0 {
		return "WebSocket wins over QUIC by a tenth or more in no case that was compared."
	}
	var cases []string
	last := ""
	for _, w := range r.Wins {
		one := fmt.Sprintf("%s (%s against %s %s)", w.Network, figure(w.WebSocket), figure(w.QUIC), w.Unit)
		if w.What == last {
			cases[len(cases)-1] += ", " + one
			continue
		}
		last = w.What
		cases = append(cases, w.What+" at "+one)
	}
	return "WebSocket wins over QUIC by a tenth or more in these cases: " + strings.Join(cases, "; ") + "."
}

// figure leaves small numbers a digit more.
func figure(v float64) string {
	if v < 10 {
		return Number(v, 1)
	}
	return Number(v, 0)
}
