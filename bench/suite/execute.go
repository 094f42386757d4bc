package suite

import (
	"context"
	"time"

	"github.com/twinwire/twinwire/bench/report"
)

// Progress is what is about to run.
type Progress struct {
	Run   Run
	Index int           // of the run, from 0
	Total int           // runs
	Left  time.Duration // roughly, this run included
}

// Execute measures the runs one after another, adds what they find to rep, and
// calls progress before each. A run that fails is reported and not repeated in
// later rounds. A round after the first is not begun if it would overrun
// rep.Settings.Budget, where that is not 0. It returns when all are done or ctx ends, with no children
// left in either case; the run that ctx cut off is not reported.
func Execute(ctx context.Context, runs []Run, rep *report.Report, progress func(Progress)) {
	begin := time.Now()
	all := Estimate(runs, rep.Settings)
	failed := make(map[string]bool)
	round := 0
	for i, r := range runs {
		if r.Round != round {
			if round > 0 && overruns(runs[i:], rep.Settings, time.Since(begin), Estimate(runs[:i], rep.Settings)) {
				return
			}
			round = r.Round
		}
		if failed[r.Name()] {
			continue
		}
		rest := Estimate(runs[i:], rep.Settings)
		progress(Progress{r, i, len(runs), left(time.Since(begin), all-rest, rest)})
		values, err := r.measure(ctx, rep.Settings)
		if ctx.Err() != nil {
			rep.Interrupted = true
			return
		}
		if err != nil {
			failed[r.Name()] = true
			rep.Failures = append(rep.Failures, report.Failure{
				Peer:     r.Peer.Info().Name,
				Workload: r.Workload.Name,
				Round:    r.Round,
				Error:    err.Error(),
			})
			continue
		}
		rep.Add(r.Peer.Info(), r.Workload.Name, r.Round, values)
	}
}

// overruns reports whether the round with which the rest begins would end
// after the budget.
func overruns(rest []Run, s report.Settings, took, estimated time.Duration) bool {
	n := 0
	for n < len(rest) && rest[n].Round == rest[0].Round {
		n++
	}
	return s.Budget > 0 && took+left(took, estimated, Estimate(rest[:n], s)) > s.Budget
}

// left corrects the estimate of what is to come by how well the estimates of
// what is done have held.
func left(took, estimated, rest time.Duration) time.Duration {
	if estimated < time.Second {
		return rest
	}
	return time.Duration(float64(rest) * float64(took) / float64(estimated))
}
