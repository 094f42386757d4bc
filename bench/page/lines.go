package page

import (
	"fmt"
	"math"
	"slices"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/report"
)

const (
	linesHeight = 330.0
	axis        = 50.0  // of the numbers at the left
	ends        = 104.0 // of the names at the right
	nameHeight  = 12.0
	// keeps is the part of a schedule that counts as keeping up with it.
	keeps = 0.97
)

// quantiles are what lines are drawn through.
var quantiles = []struct {
	name   string
	metric report.Metric
}{
	{"50 %", report.PacedP50}, {"90 %", report.PacedP90}, {"99 %", report.PacedP99}, {"99.9 %", report.PacedP999},
}

// lines are panels beside each other, with a line for each peer.
type lines []linePanel

// linePanel shows the times of a workload by their quantiles, on a scale of
// powers of ten.
type linePanel struct {
	title    string
	workload string
}

// track is one line.
type track struct {
	row
	micros []float64
	behind bool
}

func (p linePanel) tracks(r *report.Report) []track {
	var all []track
	for _, x := range peersOf(r) {
		t := track{row: x}
		for _, q := range quantiles {
			if f := r.Figure(x.name, p.workload, q.metric); f != nil && f.Median > 0 {
				t.micros = append(t.micros, f.Median)
			}
		}
		if len(t.micros) < len(quantiles) {
			continue
		}
		kept := r.Figure(x.name, p.workload, report.PacedKept)
		t.behind = kept != nil && kept.Median < keeps
		all = append(all, t)
	}
	// Twinwire's lines lie above the others.
	slices.SortStableFunc(all, func(a, b track) int {
		return boolOrder(a.kind == peer.Subject) - boolOrder(b.kind == peer.Subject)
	})
	return all
}

func boolOrder(b bool) int {
	if b {
		return 1
	}
	return 0
}

// draw returns nothing if there is nothing to show.
func (l lines) draw(r *report.Report, title string) string {
	shown := slices.DeleteFunc(slices.Clone(l), func(p linePanel) bool { return len(p.tracks(r)) == 0 })
	if len(shown) == 0 {
		return ""
	}
	least, most := math.Inf(1), 0.0
	for _, p := range shown {
		for _, t := range p.tracks(r) {
			least, most = min(least, slices.Min(t.micros)), max(most, slices.Max(t.micros))
		}
	}
	low, high := math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))
	high = max(high, low+1)
	c := new(canvas)
	c.text(0, 16, "title", "start", title)
	each := (width - gap*float64(len(shown)-1)) / float64(len(shown))
	for i, p := range shown {
		p.draw(c, r, float64(i)*(each+gap), each, low, high)
	}
	return c.finish(title, width, topMargin+linesHeight+30)
}

func (p linePanel) draw(c *canvas, r *report.Report, left, width, low, high float64) {
	c.text(left, topMargin-16, "head", "start", p.title)
	x0, x1 := left+axis, left+width-ends
	place := func(micros float64) float64 {
		return topMargin + linesHeight*(1-(math.Log10(micros)-low)/(high-low))
	}
	for e := low; e <= high; e++ {
		y := place(math.Pow(10, e))
		c.line(x0, y, x1, y, "grid")
		c.text(x0-5, y+4, "faint", "end", short(math.Pow(10, e)))
	}
	step := (x1 - x0) / float64(len(quantiles)-1)
	for i, q := range quantiles {
		c.text(x0+float64(i)*step, topMargin+linesHeight+18, "faint", "middle", q.name)
	}
	all := p.tracks(r)
	names := make([]float64, len(all))
	for i, t := range all {
		var points []point
		for j, v := range t.micros {
			points = append(points, point{x0 + float64(j)*step, place(v)})
		}
		class := t.class()
		if t.behind {
			class += " behind"
		}
		c.polyline(points, class)
		names[i] = points[len(points)-1].y
	}
	apart(names, nameHeight, topMargin, topMargin+linesHeight)
	for i, t := range all {
		class := "faint"
		if t.kind == peer.Subject {
			class = "own"
		}
		c.text(x1+6, names[i]+4, class, "start", t.name)
	}
}

// apart moves places that are closer to each other than least, and keeps their
// order. They stay within low and high where there is room for them.
func apart(places []float64, least, low, high float64) {
	order := make([]int, len(places))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if places[a] < places[b] {
			return -1
		}
		return boolOrder(places[a] > places[b])
	})
	next := low
	for _, i := range order {
		places[i] = max(places[i], next)
		next = places[i] + least
	}
	next = high
	for _, i := range slices.Backward(order) {
		places[i] = min(places[i], next)
		next = places[i] - least
	}
}

// short writes microseconds.
func short(micros float64) string {
	switch {
	case micros >= 1e6:
		return fmt.Sprintf("%g s", micros/1e6)
	case micros >= 1e3:
		return fmt.Sprintf("%g ms", micros/1e3)
	}
	return fmt.Sprintf("%g µs", micros)
}
