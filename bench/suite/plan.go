package suite

import (
	"regexp"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/report"
)

// A Run is one peer under one workload in one round.
type Run struct {
	Round    int // from 1
	Peer     peer.Peer
	Workload Workload
}

// Name is what -run is matched against.
func (r Run) Name() string { return r.Peer.Info().Name + "/" + r.Workload.Name }

// Plan returns the runs whose names match only, in order. Within a round the
// peers follow each other workload by workload, so that what drifts on the
// machine meets all of them; the one that begins changes from round to round.
func Plan(peers []peer.Peer, s report.Settings, only *regexp.Regexp) []Run {
	var runs []Run
	for round := 1; round <= s.Rounds; round++ {
		for _, w := range Workloads(s) {
			if round > w.rounds(s) {
				continue
			}
			for i := range peers {
				r := Run{round, peers[(i+round-1)%len(peers)], w}
				if w.For(r.Peer.Info()) && only.MatchString(r.Name()) {
					runs = append(runs, r)
				}
			}
		}
	}
	return runs
}

// Missing returns which of the peers' cells stay empty, and why.
func Missing(peers []peer.Peer, s report.Settings, only *regexp.Regexp) []report.Missing {
	var all []report.Missing
	for _, w := range Workloads(s) {
		for _, p := range peers {
			i := p.Info()
			reason := i.Lacks[w.needs()]
			if reason != "" && only.MatchString(Run{Peer: p, Workload: w}.Name()) {
				all = append(all, report.Missing{Peer: i.Name, Wire: i.Wire, Workload: w.Name, Reason: reason})
			}
		}
	}
	return all
}

// Estimate is roughly how long the runs take.
func Estimate(runs []Run, s report.Settings) time.Duration {
	var sum time.Duration
	for _, r := range runs {
		sum += r.Workload.estimate(s)
	}
	return sum
}
