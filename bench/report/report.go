// Package report turns what runs measured into medians with their spread,
// ratios to the bare library and to the floor, a verdict on the bars, and
// from these a text for people and a JSON document for programs.
package report

import (
	"slices"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
)

// A Report is everything that one invocation found out.
type Report struct {
	Date        time.Time     `json:"date"`
	Took        time.Duration `json:"took_ns"`
	Interrupted bool          `json:"interrupted"`
	Environment Environment   `json:"environment"`
	Settings    Settings      `json:"settings"`
	Results     []Result      `json:"results"`
	Bars        []Bar         `json:"bars"`
	Wins        []Win         `json:"websocket_wins,omitempty"` // across networks
	Missing     []Missing     `json:"missing"`
	Failures    []Failure     `json:"failures"`
}

// Settings are how the runs were made. Durations are of one run.
type Settings struct {
	Networks        bool          `json:"networks,omitempty"` // across bad networks, not on loopback
	Full            bool          `json:"full,omitempty"`     // all networks and all peers there are for them
	Short           bool          `json:"short"`
	Peers           bool          `json:"peers"` // other frameworks too
	Rounds          int           `json:"rounds"`
	LongRounds      int           `json:"long_rounds"` // of idle sessions, and if Short of fan-out
	Measure         time.Duration `json:"measure_ns"`
	Warm            time.Duration `json:"warm_ns"`
	Budget          time.Duration `json:"budget_ns"` // no round begins that would end later; 0: no such bound
	Payload         int           `json:"payload_bytes"`
	Subscribers     int           `json:"subscribers"`
	ManySubscribers int           `json:"many_subscribers"` // 0: left out
	EventRate       int           `json:"fixed_deliveries_per_s"`
	EventWindow     int           `json:"event_window"`
	IdleSessions    int           `json:"idle_sessions"`
	Only            string        `json:"only,omitempty"`
}

// A Missing is a cell that stays empty because the peer has no such thing.
type Missing struct {
	Peer     string    `json:"peer"`
	Wire     peer.Wire `json:"wire"`
	Workload string    `json:"workload"`
	Reason   string    `json:"reason"`
}

// A Failure is a run that could not be measured.
type Failure struct {
	Peer     string `json:"peer"`
	Workload string `json:"workload"`
	Round    int    `json:"round"`
	Error    string `json:"error"`
}

// A Result is one peer under one workload.
type Result struct {
	Peer     string    `json:"peer"`
	Wire     peer.Wire `json:"wire"`
	Kind     peer.Kind `json:"kind"`
	Workload string    `json:"workload"`
	Figures  []Figure  `json:"figures"`
}

// A Figure is one quantity over all rounds, with its ratios to the bare
// library and to the floor of the same wire where these were measured. A ratio
// is the median of the ratios within each round: what slows a round down slows
// both sides.
type Figure struct {
	Metric   Metric   `json:"metric"`
	Unit     string   `json:"unit"`
	Median   float64  `json:"median"`
	Min      float64  `json:"min"`
	Max      float64  `json:"max"`
	PerBare  *float64 `json:"per_bare,omitempty"`
	PerFloor *float64 `json:"per_floor,omitempty"`
	Rounds   []Value  `json:"rounds"`
}

// A Value is what one round measured.
type Value struct {
	Round int     `json:"round"`
	Value float64 `json:"value"`
}

// Values are what one run measured.
type Values map[Metric]float64

// Add records what peer measured under the workload in a round. Rounds of one
// result are added in ascending order.
func (r *Report) Add(p peer.Info, workload string, round int, values Values) {
	i := slices.IndexFunc(r.Results, func(res Result) bool {
		return res.Peer == p.Name && res.Workload == workload
	})
	if i < 0 {
		i = len(r.Results)
		r.Results = append(r.Results, Result{Peer: p.Name, Wire: p.Wire, Kind: p.Kind, Workload: workload})
	}
	res := &r.Results[i]
	for _, m := range Metrics() {
		value, ok := values[m.Metric]
		if !ok {
			continue
		}
		f := res.figure(m.Metric)
		if f == nil {
			res.Figures = append(res.Figures, Figure{Metric: m.Metric, Unit: m.Unit})
			f = &res.Figures[len(res.Figures)-1]
		}
		f.Rounds = append(f.Rounds, Value{round, value})
	}
}

// Finish computes medians, ratios and bars from what was added. It may be
// called again after more was added.
func (r *Report) Finish() {
	for i := range r.Results {
		for j := range r.Results[i].Figures {
			r.Results[i].Figures[j].summarize()
		}
	}
	for i := range r.Results {
		res := &r.Results[i]
		for j := range res.Figures {
			f := &res.Figures[j]
			f.PerBare = f.ratio(r.reference(res, peer.Bare, f.Metric))
			f.PerFloor = f.ratio(r.reference(res, peer.Floor, f.Metric))
		}
	}
	if r.Settings.Networks {
		r.Bars, r.Wins = networkBars(r), wins(r)
	} else {
		r.Bars = bars(r)
	}
	if r.Results == nil {
		r.Results = []Result{}
	}
	if r.Missing == nil {
		r.Missing = []Missing{}
	}
	if r.Failures == nil {
		r.Failures = []Failure{}
	}
}

// reference returns the figure that res is compared with, or nil. Nothing is
// compared with itself.
func (r *Report) reference(res *Result, kind peer.Kind, m Metric) *Figure {
	if res.Kind == kind {
		return nil
	}
	for i := range r.Results {
		other := &r.Results[i]
		if other.Kind == kind && other.Wire == res.Wire && other.Workload == res.Workload {
			return other.figure(m)
		}
	}
	return nil
}

func (r *Result) figure(m Metric) *Figure {
	for i := range r.Figures {
		if r.Figures[i].Metric == m {
			return &r.Figures[i]
		}
	}
	return nil
}
