package suite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twinwire/twinwire/bench/load"
	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/report"
	"github.com/twinwire/twinwire/bench/scenario"
)

const (
	// linkOverhead is what making a link, starting two processes and connecting
	// takes, roughly.
	linkOverhead = 500 * time.Millisecond
	// linkTries is how often a run is made for which the machine was too slow.
	linkTries = 3

	megabit = 1e6

	// comparing is how long a session that is busy takes to find out which of its
	// wires is faster, with some to spare.
	comparing = 9 * time.Second

	shortDark, longDark = 3 * time.Second, 12 * time.Second
	// A cut and a move go on for as long as they take: roughly so much.
	cutTime, moveTime = 4 * time.Second, 8 * time.Second
)

// A crossing is what is measured of a peer across a bad network, on a link of
// its own.
type crossing func(ctx context.Context, p peer.Peer) (report.Values, error)

// cross measures a run across a link, again if the machine was too slow for it.
func (r Run) cross(ctx context.Context) (values report.Values, err error) {
	for range linkTries {
		values, err = r.Workload.cross(ctx, r.Peer)
		if !errors.Is(err, scenario.ErrOverrun) {
			break
		}
	}
	return values, err
}

// A linkGroup is workloads that are shown in one table.
type linkGroup struct {
	title     string
	headline  []report.Metric
	workloads []Workload
	labels    []string
}

func (g *linkGroup) add(label string, w Workload) {
	g.workloads, g.labels = append(g.workloads, w), append(g.labels, label)
}

// Who crosses: without Settings.Full only the first ones.
type crossers struct{ always, full []string }

func (c crossers) names(s report.Settings) []string {
	if s.Full {
		return slices.Concat(c.always, c.full)
	}
	return c.always
}

const (
	ownWS     = "twinwire-wss-cubic"
	ownBBR    = "twinwire-wss-bbr-twin"
	ownQUIC   = "twinwire-quic"
	ownBoth   = "twinwire"
	compares  = "twinwire-compares"
	bareWS    = "bare-gorilla-cubic"
	bareBBR   = "bare-gorilla-bbr"
	bareQUIC  = "bare-quic-go"
	oneStream = "floor-tls-cubic"
)

// links returns what is measured across networks.
func links(s report.Settings) []linkGroup {
	own := []string{ownWS, ownQUIC}
	return []linkGroup{
		transfers(s, crossers{own, []string{ownBBR, bareWS, bareQUIC}}),
		topics(s, crossers{[]string{ownWS, ownQUIC, oneStream}, []string{ownBBR}}),
		messages(s, crossers{[]string{ownWS, ownBBR, ownQUIC, bareWS, bareBBR}, []string{bareQUIC}}),
		bulk(s, crossers{[]string{ownWS, ownBBR, ownQUIC, bareWS, bareBBR, bareQUIC}, nil}),
		slow(s, crossers{own, []string{bareWS, bareQUIC}}),
		cuts(s, crossers{own, []string{bareWS, bareQUIC}}),
		move(s, crossers{[]string{ownBoth}, nil}),
	}
}

// losses are those of the networks.
func losses(s report.Settings) []float64 {
	switch {
	case s.Full:
		return []float64{0, 0.01, 0.02, 0.05}
	case s.Short:
		return []float64{0.02}
	}
	return []float64{0, 0.02}
}

func transfers(s report.Settings, who crossers) linkGroup {
	g := linkGroup{title: "one call in flight beside a transfer to the server"}
	l := scenario.Load{Streams: 1, Size: loadedSize, Calls: true, Start: s.Warm, Measure: s.Measure}
	for _, n := range scenario.Networks(losses(s)...) {
		g.add(n.String(), Workload{
			Name:  report.BesideTransfer + n.String(),
			who:   who.names(s),
			takes: s.Warm + s.Measure,
			cross: func(ctx context.Context, p peer.Peer) (report.Values, error) {
				got, err := scenario.MeasureLoad(ctx, p, n, l)
				return with(times(got.Latency), report.NetRate, got.Rate*8/megabit), err
			},
		})
	}
	return g
}

func topics(s report.Settings, who crossers) linkGroup {
	g := linkGroup{title: fmt.Sprintf("events on %d topics, %d a second together", scenario.Topics, scenario.EventRate)}
	start, measure := s.Warm/2, s.Measure/2
	for _, n := range scenario.Networks(losses(s)...) {
		g.add(n.String(), Workload{
			Name:  report.OnTopics + n.String(),
			who:   who.names(s),
			takes: start + measure + n.Trip,
			cross: func(ctx context.Context, p peer.Peer) (report.Values, error) {
				got, err := scenario.MeasureEvents(ctx, p, n, start, measure)
				return with(times(got.Latency), report.NetLost, float64(got.Lost)), err
			},
		})
	}
	return g
}

func messages(s report.Settings, who crossers) linkGroup {
	g := linkGroup{title: "50 calls a second beside five messages of 64 KiB a second", headline: []report.Metric{report.NetP99}}
	for _, loss := range losses(s) {
		n := scenario.Lossy(loss)
		measure := 2 * s.Measure
		if loss > 0 && !s.Short {
			measure = 5 * s.Measure // what is too much for a wire shows in time
		}
		g.add(n.String(), Workload{
			Name:  report.BesideMessages + n.String(),
			who:   who.names(s),
			takes: s.Warm + measure,
			cross: func(ctx context.Context, p peer.Peer) (report.Values, error) {
				l, err := scenario.MeasureMessages(ctx, p, n, s.Warm, measure)
				return times(l), err
			},
		})
	}
	return g
}

func bulk(s report.Settings, who crossers) linkGroup {
	n := scenario.Lossy(0.01)
	g := linkGroup{title: "a transfer and nothing else", headline: []report.Metric{report.NetRate}}
	g.add(n.String(), Workload{
		Name:  report.Bulk + n.String(),
		who:   who.names(s),
		takes: s.Warm + s.Measure,
		cross: func(ctx context.Context, p peer.Peer) (report.Values, error) {
			got, err := scenario.MeasureLoad(ctx, p, n, scenario.Load{Streams: 1, Size: loadedSize, Start: s.Warm, Measure: s.Measure})
			return report.Values{report.NetRate: got.Rate * 8 / megabit}, err
		},
	})
	if !s.Short {
		g.add(n.String()+", the wires compared", Workload{
			Name:  report.Found,
			who:   []string{compares},
			takes: comparing + s.Measure,
			cross: func(ctx context.Context, p peer.Peer) (report.Values, error) {
				got, err := scenario.MeasureLoad(ctx, p, n, scenario.Load{Streams: 1, Size: loadedSize, Start: comparing, Measure: s.Measure})
				return report.Values{report.NetRate: got.Rate * 8 / megabit}, err
			},
		})
	}
	return g
}

func slow(s report.Settings, who crossers) linkGroup {
	g := linkGroup{title: "one call in flight beside two streams at 10 Mbit/s and 50 ms"}
	for _, down := range []bool{false, true} {
		name, label := report.SlowUp, "to the server"
		if down {
			name, label = report.SlowDown, "from the server"
		}
		g.add(label, Workload{
			Name:  name,
			who:   who.names(s),
			takes: linkOverhead + 2*(s.Warm+s.Measure),
			cross: func(ctx context.Context, p peer.Peer) (report.Values, error) {
				got, err := scenario.MeasureSlow(ctx, p, down, s.Warm, s.Measure)
				if err != nil {
					return nil, err
				}
				v := with(times(got.With.Latency), report.NetRate, got.With.Rate*8/megabit)
				v = with(v, report.NetAlone, got.Alone.Rate*8/megabit)
				return with(v, report.NetKept, got.Kept()), nil
			},
		})
	}
	return g
}

func cuts(s report.Settings, who crossers) linkGroup {
	g := linkGroup{title: "the link is cut, beside 50 calls and 500 events a second"}
	add := func(name string, dark time.Duration) {
		g.add(fmt.Sprintf("%v dark", dark), Workload{
			Name:  name,
			who:   who.names(s),
			takes: dark + cutTime,
			cross: func(ctx context.Context, p peer.Peer) (report.Values, error) {
				got, err := scenario.MeasureCut(ctx, p, scenario.Lossy(0), dark)
				return report.Values{
					report.CutBack:    milli(got.Back),
					report.CutLongest: milli(got.Longest),
					report.NetLost:    float64(got.Lost),
				}, err
			},
		})
	}
	add(report.ShortCut, shortDark)
	if s.Full {
		add(report.LongCut, longDark)
	}
	return g
}

func move(s report.Settings, who crossers) linkGroup {
	n := scenario.Lossy(0)
	g := linkGroup{title: "UDP is swallowed and comes back, beside 50 calls a second"}
	g.add(n.String(), Workload{
		Name:  report.Move,
		who:   who.names(s),
		takes: moveTime,
		cross: func(ctx context.Context, p peer.Peer) (report.Values, error) {
			got, err := scenario.MeasureMove(ctx, p, n)
			return report.Values{
				report.MoveAway:     milli(got.Away),
				report.MoveLongest:  milli(got.Longest),
				report.MoveBack:     milli(got.Back),
				report.MoveBackMost: milli(got.BackLongest),
			}, err
		},
	})
	return g
}

// times are those of calls or events. Without any there are none.
func times(l load.Latency) report.Values {
	if l.Count == 0 {
		return report.Values{}
	}
	return report.Values{report.NetP50: milli(l.P50), report.NetP99: milli(l.P99), report.NetMax: milli(l.Max)}
}

func with(v report.Values, m report.Metric, value float64) report.Values {
	v[m] = value
	return v
}
