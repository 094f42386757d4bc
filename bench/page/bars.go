package page

import (
	"cmp"
	"slices"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/report"
)

const (
	width     = 920.0
	topMargin = 58.0 // of titles
	rowHeight = 22.0
	barHeight = 14.0
	labels    = 118.0 // of the names, at the left
	gap       = 18.0  // between panels
	figures   = 74.0  // of the numbers behind the bars
)

// bars are panels beside each other, with a row for each peer.
type bars []barPanel

// barPanel shows one metric of one workload, or two on top of each other.
type barPanel struct {
	title    string
	workload string
	metrics  []report.Metric
	digits   int
}

// values returns the panel's figures of a peer, all or none.
func (p barPanel) values(r *report.Report, name string) []*report.Figure {
	var all []*report.Figure
	for _, m := range p.metrics {
		f := r.Figure(name, p.workload, m)
		if f == nil {
			return nil
		}
		all = append(all, f)
	}
	return all
}

func sum(all []*report.Figure) float64 {
	var s float64
	for _, f := range all {
		s += f.Median
	}
	return s
}

// draw returns nothing if there is nothing to show.
func (b bars) draw(r *report.Report, title string) string {
	shown := slices.DeleteFunc(slices.Clone(b), func(p barPanel) bool {
		return !slices.ContainsFunc(peersOf(r), func(x row) bool { return p.values(r, x.name) != nil })
	})
	rows := slices.DeleteFunc(peersOf(r), func(x row) bool {
		return !slices.ContainsFunc(shown, func(p barPanel) bool { return p.values(r, x.name) != nil })
	})
	if len(rows) == 0 {
		return ""
	}
	c := new(canvas)
	c.text(0, 16, "title", "start", title)
	each := (width - labels - gap*float64(len(shown)-1)) / float64(len(shown))
	y := topMargin
	places := make([]float64, len(rows))
	for i, x := range rows {
		if i > 0 && x.reference() && !rows[i-1].reference() {
			c.line(0, y+2, width, y+2, "grid")
			y += 6
		}
		places[i] = y
		class := ""
		if x.kind == peer.Subject {
			class = "own"
		} else if x.reference() {
			class = "faint"
		}
		c.text(0, y+barHeight-1, class, "start", x.name)
		y += rowHeight
	}
	for i, p := range shown {
		x := labels + float64(i)*(each+gap)
		c.text(x, topMargin-12, "head", "start", p.title)
		p.draw(c, r, rows, places, x, each)
	}
	return c.finish(title, width, y+4)
}

func (p barPanel) draw(c *canvas, r *report.Report, rows []row, places []float64, left, width float64) {
	var most float64
	for _, x := range rows {
		most = max(most, sum(p.values(r, x.name)))
	}
	scale := (width - figures) / max(most, 1e-9)
	for i, x := range rows {
		all := p.values(r, x.name)
		if all == nil {
			c.text(left, places[i]+barHeight-2, "faint", "start", "–")
			continue
		}
		at := left
		for j, f := range all {
			class := x.class()
			if j > 0 {
				class += " second"
			}
			c.rect(at, places[i], f.Median*scale, barHeight, class)
			at += f.Median * scale
		}
		if f := all[0]; len(all) == 1 && len(f.Rounds) > 1 {
			middle := places[i] + barHeight/2
			c.line(left+f.Min*scale, middle, left+min(f.Max*scale, width), middle, "range")
			at = max(at, left+min(f.Max*scale, width-figures))
		}
		class := ""
		if x.kind == peer.Subject {
			class = "own"
		}
		c.text(at+5, places[i]+barHeight-2, class, "start", report.Number(sum(all), p.digits))
	}
}

// row is a peer on the page.
type row struct {
	name string
	wire peer.Wire
	kind peer.Kind
}

// reference reports whether the peer is no framework.
func (x row) reference() bool { return x.kind == peer.Bare || x.kind == peer.Floor }

func (x row) class() string {
	if x.kind == peer.Subject {
		return string(x.kind) + "-" + string(x.wire)
	}
	return string(x.kind)
}

// peersOf returns twinwire, then the others with the fastest first, then the
// references.
func peersOf(r *report.Report) []row {
	var all []row
	for _, res := range r.Results {
		x := row{res.Peer, res.Wire, res.Kind}
		if !slices.Contains(all, x) {
			all = append(all, x)
		}
	}
	order := []peer.Kind{peer.Subject, peer.Other, peer.Bare, peer.Floor}
	speed := func(x row) float64 {
		if f := r.Figure(x.name, report.ManyInFlight, report.CallRate); f != nil && x.kind == peer.Other {
			return f.Median
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b row) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.kind), slices.Index(order, b.kind)),
			cmp.Compare(speed(b), speed(a)),
			cmp.Compare(slices.Index(peer.Wires(), a.wire), slices.Index(peer.Wires(), b.wire)),
		)
	})
	return all
}
