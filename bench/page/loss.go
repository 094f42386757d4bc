package page

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/report"
	"github.com/twinwire/twinwire/bench/scenario"
)

const (
	lossHeight = 240.0
	lossTop    = 92.0  // of the panels, below the title and the names
	lossAxis   = 46.0  // of the numbers at the left
	nameWidth  = 150.0 // of a name above the panels
	perRow     = 6     // names
)

// A scale writes figures of an axis.
type scale func(v float64) string

func milliseconds(v float64) string { return short(v * 1e3) }
func megabits(v float64) string     { return fmt.Sprintf("%g", v) }

// lossLines are panels beside each other, one for each rate and round trip,
// with a line for each peer over the loss, on a scale of powers of ten.
type lossLines struct {
	workload string // what the names of the workloads begin with
	metric   report.Metric
	scale    scale
}

// A lossTrack is a line: how much is lost, and what was measured there.
type lossTrack struct {
	row
	losses, values []float64
}

type lossPanel struct {
	title  string
	tracks []lossTrack
}

// allLosses are those of the networks.
var allLosses = []float64{0, 0.01, 0.02, 0.05}

func (l lossLines) panels(r *report.Report) []lossPanel {
	var all []lossPanel
	type kind struct {
		rate int64
		trip time.Duration
	}
	var seen []kind
	for _, n := range scenario.Networks(0) {
		if k := (kind{n.Rate, n.Trip}); !slices.Contains(seen, k) {
			seen = append(seen, k)
		}
	}
	for _, k := range seen {
		p := lossPanel{title: fmt.Sprintf("%d Mbit/s, %d ms", k.rate/1e6, k.trip.Milliseconds())}
		for _, x := range peersOf(r) {
			t := lossTrack{row: x}
			for _, loss := range allLosses {
				n := scenario.Network{Rate: k.rate, Trip: k.trip, Loss: loss}
				if f := r.Figure(x.name, l.workload+n.String(), l.metric); f != nil && f.Median > 0 {
					t.losses, t.values = append(t.losses, loss), append(t.values, f.Median)
				}
			}
			if len(t.values) > 0 {
				p.tracks = append(p.tracks, t)
			}
		}
		// Twinwire's lines lie above the others.
		slices.SortStableFunc(p.tracks, func(a, b lossTrack) int {
			return boolOrder(a.kind == peer.Subject) - boolOrder(b.kind == peer.Subject)
		})
		if len(p.tracks) > 0 {
			all = append(all, p)
		}
	}
	return all
}

// draw returns nothing if there is nothing to show.
func (l lossLines) draw(r *report.Report, title string) string {
	shown := l.panels(r)
	if len(shown) == 0 {
		return ""
	}
	least, most := math.Inf(1), 0.0
	var names []row
	for _, p := range shown {
		for _, t := range p.tracks {
			least, most = min(least, slices.Min(t.values)), max(most, slices.Max(t.values))
			if !slices.Contains(names, t.row) {
				names = append(names, t.row)
			}
		}
	}
	low := math.Floor(math.Log10(least))
	high := max(math.Ceil(math.Log10(most)), low+1)
	c := new(canvas)
	c.text(0, 16, "title", "start", title)
	for i, x := range names {
		at := point{float64(i%perRow) * nameWidth, 38 + float64(i/perRow)*14}
		c.polyline([]point{{at.x, at.y - 4}, {at.x + 18, at.y - 4}}, x.lineClass())
		c.text(at.x+24, at.y, "", "start", x.name)
	}
	each := (width - gap*float64(len(shown)-1)) / float64(len(shown))
	for i, p := range shown {
		l.drawPanel(c, p, float64(i)*(each+gap), each, low, high)
	}
	return c.finish(title, width, lossTop+lossHeight+30)
}

func (l lossLines) drawPanel(c *canvas, p lossPanel, left, width, low, high float64) {
	c.text(left, lossTop-16, "head", "start", p.title)
	x0, x1 := left+lossAxis, left+width-8
	height := func(v float64) float64 { return lossTop + lossHeight*(1-(math.Log10(v)-low)/(high-low)) }
	across := func(loss float64) float64 { return x0 + (x1-x0)*loss/slices.Max(allLosses) }
	for e := low; e <= high; e++ {
		y := height(math.Pow(10, e))
		c.line(x0, y, x1, y, "grid")
		c.text(x0-5, y+4, "faint", "end", l.scale(math.Pow(10, e)))
	}
	for _, loss := range allLosses {
		c.text(across(loss), lossTop+lossHeight+18, "faint", "middle", fmt.Sprintf("%g %%", loss*100))
	}
	for _, t := range p.tracks {
		var points []point
		for i, v := range t.values {
			points = append(points, point{across(t.losses[i]), height(v)})
		}
		c.polyline(points, t.lineClass())
		for _, at := range points {
			c.dot(at, t.class())
		}
	}
}

// lineClass tells lines of references apart by their wire.
func (x row) lineClass() string {
	if x.reference() && x.wire != peer.TLS {
		return x.class() + " behind"
	}
	return x.class()
}
