// Package breaking compares two versions of contracts and finds what makes
// clients of the older one fail, or see less than they did.
package breaking

import (
	"fmt"
	"go/token"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
)

// Compare returns what is different between the packages of before and those
// of after, matched by their paths, that breaks a client made of before when
// it meets a server made of after. The places are those of after where there
// is one.
func Compare(before, after []*model.Package) model.Problems {
	c := &comparer{done: make(map[pair]bool), reading: true}
	byPath := make(map[string]*model.Package)
	for _, p := range after {
		byPath[p.Path] = p
	}
	for _, old := range before {
		now := byPath[old.Path]
		if now == nil {
			now = new(model.Package) // everything is gone
		}
		c.services(old, now)
		c.families(old, now)
	}
	return c.found.Sorted()
}

type comparer struct {
	found model.Problems
	done  map[pair]bool
	// reading says that it is the client who reads what is compared.
	reading bool
}

// A pair of types is judged once in each direction, for a struct may well be
// both what is sent and what is answered.
type pair struct {
	written, read *model.Type
	reading       bool
}

func (c *comparer) report(pos token.Position, format string, args ...any) {
	c.found = append(c.found, model.Problem{Pos: pos, What: fmt.Sprintf(format, args...)})
}

func (c *comparer) services(before, after *model.Package) {
	byName := make(map[string]*model.Service)
	for _, s := range after.Services {
		byName[s.Wire] = s
	}
	for _, old := range before.Services {
		now := byName[old.Wire]
		if now == nil {
			c.report(old.Pos, "service %s is gone: its calls will not be found", old.Wire)
			continue
		}
		methods := make(map[string]*model.Method)
		for _, m := range now.Methods {
			methods[m.Name] = m
		}
		for _, m := range old.Methods {
			if methods[m.Name] == nil {
				c.report(now.Pos, "method %s.%s is gone: its calls will not be found", old.Wire, m.Name)
				continue
			}
			c.method(old.Wire+"."+m.Name, m, methods[m.Name])
		}
		switch {
		case old.State == nil:
		case now.State == nil:
			c.report(now.Pos, "state of service %s is gone: clients wait for it", old.Wire)
		default:
			c.carries(now.State.Type, old.State.Type, "state "+old.Wire, now.State.Pos)
		}
	}
}

func (c *comparer) method(name string, old, now *model.Method) {
	if old.OneWay != now.OneWay {
		c.report(now.Pos, "method %s is oneway in one version only", name)
	}
	c.reading = false
	c.params(old.Params, now.Params, "argument %s of "+name, now.Pos)
	c.stream(old.In, now.In, "stream to "+name, now.Pos)
	c.reading = true
	if c.stream(now.Out, old.Out, "stream from "+name, now.Pos); shape(old.Out) != shape(now.Out) {
		return // the results go with it
	}
	switch {
	case len(old.Results) == 0:
	case len(now.Results) == 0:
		c.report(now.Pos, "method %s has no result any more: clients see it empty", name)
	case len(old.Results) == 1 && len(now.Results) == 1:
		c.carries(now.Results[0].Type, old.Results[0].Type, "result of "+name, now.Pos)
	case len(old.Results) == 1 || len(now.Results) == 1:
		c.report(now.Pos, "method %s has one result in one version and several in the other: these travel in another form", name)
	default:
		c.params(now.Results, old.Results, "result %s of "+name, now.Pos)
	}
}

// stream compares what is sent as a w and read as an r, either of which may be
// nil.
func (c *comparer) stream(w, r *model.Stream, what string, pos token.Position) {
	switch {
	case shape(w) != shape(r):
		if c.reading {
			w, r = r, w
		}
		c.report(pos, "%s has become %s, it was %s: neither side understands the other", what, shape(r), shape(w))
	case w != nil && w.Value != nil:
		c.carries(w.Value, r.Value, "value of "+what, pos)
	}
}

// shape says what kind of stream there is.
func shape(s *model.Stream) string {
	switch {
	case s == nil:
		return "none"
	case s.Value == nil:
		return "one of bytes"
	}
	return "one of values"
}

// params compares parameters by their names; what is missing in what is
// written is reported if it was there to be seen.
func (c *comparer) params(written, read []model.Param, what string, pos token.Position) {
	byName := make(map[string]model.Param)
	for _, p := range written {
		byName[p.Name] = p
	}
	for _, p := range read {
		name := fmt.Sprintf(what, p.Name)
		if w, ok := byName[p.Name]; ok {
			c.carries(w.Type, p.Type, name, pos)
		} else if c.reading {
			c.report(pos, "%s is gone: clients see it empty", name)
		}
	}
	if c.reading {
		return
	}
	known := make(map[string]bool)
	for _, p := range read {
		known[p.Name] = true
	}
	for _, p := range written {
		if !known[p.Name] {
			c.report(pos, "%s is gone: what clients send is ignored", fmt.Sprintf(what, p.Name))
		}
	}
}

func (c *comparer) families(before, after *model.Package) {
	byName := make(map[string]*model.Family)
	for _, f := range after.Families {
		byName[f.Wire] = f
	}
	for _, old := range before.Families {
		now := byName[old.Wire]
		if now == nil {
			c.report(old.Pos, "events %s are gone: clients will not see any", old.Wire)
			continue
		}
		events := make(map[string]*model.Event)
		for _, e := range now.Events {
			events[e.Name] = e
		}
		for _, e := range old.Events {
			if n := events[e.Name]; n == nil {
				c.report(now.Pos, "event %s.%s is gone: clients will not see any", old.Wire, e.Name)
			} else {
				c.carries(n.Type, e.Type, "event "+old.Wire+"."+e.Name, n.Pos)
			}
		}
	}
}
