package machine

import (
	"slices"
	"testing"
	"time"

	"github.com/twinwire/twinwire/frame"
)

// history is a history of a session that roams.
func (r *roamer) history() {
	steps := 100 + r.rng.IntN(400)
	for range steps {
		r.step()
		r.check()
		if r.ended() {
			break
		}
	}
	switch ending := r.rng.IntN(10); {
	case r.ended():
	case ending == 0: // the server is started anew
		r.over(1)
		for _, c := range r.carriers {
			c.lost = [2]bool{true, true}
			r.leave(1, c)
		}
		r.met["restarted"]++
	case ending == 1:
		r.theft()
	default:
		r.heal()
		if !r.ended() {
			r.stale()
			r.finish()
		}
	}
	r.heal() // what is over for one side is over for the other
	r.end()
}

// step is one thing that happens.
func (r *roamer) step() {
	c := r.carriers[r.rng.IntN(len(r.carriers))]
	side := r.rng.IntN(2)
	e := r.ends[side]
	switch n := r.rng.IntN(200); {
	case n < 35:
		r.flush(side, r.rng.IntN(e.m.Pipes()))
	case n < 60: // where it matters most
		if on := r.on[side]; on != nil {
			r.deliver(on, side, r.rng.IntN(frame.MaxLanes))
		}
	case n < 80:
		r.deliver(c, side, r.rng.IntN(frame.MaxLanes))
	case n < 95:
		if k := len(r.dialing); k > 0 {
			r.deliver(r.dialing[r.rng.IntN(k)], side, 0)
		} else if on := r.on[0]; on != nil && !on.attached {
			r.deliver(on, 0, 0)
		}
	case n < 98:
		c.block[side] = r.rng.IntN(40)
	case n < 105:
		r.wait(time.Duration(r.rng.IntN(60)) * time.Millisecond)
	case n < 106:
		r.wait(time.Duration(r.rng.IntN(1500)) * time.Millisecond)
	case n < 107:
		r.cut(c)
	case n < 108: // half open: one direction, and nobody knows
		r.met["half open"]++
		c.lost[side] = true
		c.q[side] = pipes{}
	case n < 118: // the end of a carrier is noticed
		if c.lost[0] || c.lost[1] || !c.open[1-side] || !r.uses(side, c) {
			r.leave(side, c)
			r.forget()
		}
	case n < 126:
		if len(r.dialing) == 0 && (r.on[0] == nil || r.rng.IntN(4) == 0) {
			r.dial(1 + r.rng.IntN(2))
		}
	case n < 127:
		r.giveUp()
	case n < 128:
		r.guess()
	default:
		e.act()
	}
}

// uses reports whether a side may have a use for a carrier.
func (r *roamer) uses(side int, c *testCarrier) bool {
	if side == 0 {
		return r.on[0] == c || slices.Contains(r.dialing, c)
	}
	return r.on[1] == c || !c.attached
}

// flush has a side send a batch.
func (r *roamer) flush(side, pipe int) {
	e, on := r.ends[side], r.on[side]
	if on == nil {
		if e.m.Wake() != 0 {
			r.fatalf("%s: wants to send without a carrier", e.name)
		}
		return
	}
	if e.m.Wake()&(1<<pipe) != 0 {
		e.flush(pipe)
		if on.lost[side] {
			on.q[side] = pipes{}
		}
	}
}

// cut breaks a carrier: of what is on its way in each direction and pipe so
// many bytes may still arrive, and of them only whole frames count.
func (r *roamer) cut(c *testCarrier) {
	r.met["cut"]++
	c.lost = [2]bool{true, true}
	for from := range c.q {
		for p := range c.q[from] {
			q := c.q[from][p]
			n := 0
			for _, b := range q {
				n += len(b)
			}
			c.q[from][p] = upTo(q, r.rng.IntN(n+1))
		}
	}
	c.hello, c.answer = clip(c.hello, r.rng.IntN(2) == 0), clip(c.answer, r.rng.IntN(2) == 0)
}

// upTo returns the whole frames of batches within so many bytes.
func upTo(q [][]byte, n int) (left [][]byte) {
	for _, b := range q {
		whole := 0
		for whole < len(b) {
			size, _ := frame.Size(b[whole:])
			if whole+size > n {
				break
			}
			whole += size
		}
		if whole > 0 {
			left = append(left, b[:whole:whole])
		}
		if n -= len(b); n <= 0 {
			break
		}
	}
	return left
}

// forget drops carriers that have ended for both sides.
func (r *roamer) forget() {
	last := r.carriers[len(r.carriers)-1]
	r.carriers = slices.DeleteFunc(r.carriers, func(c *testCarrier) bool { return c != last && !c.open[0] && !c.open[1] })
}

// guess has somebody present a token that is not good, or an ATTACH that is
// not the one: that changes nothing.
func (r *roamer) guess() {
	if r.tokens == nil {
		return
	}
	before := *r.tokens
	token, want := Token{1, 2, 3}, Wrong
	if n := len(r.spent); n > 2 && r.rng.IntN(2) == 0 {
		// Older than the one that was good before the one that the server
		// knows of; the client may be one ahead.
		token = r.spent[r.rng.IntN(n-2)]
		if token.hash() == before.spent {
			want = Stolen // by then the server has heard of no ATTACH since
		}
	}
	if _, claim := r.tokens.Present(token, Attempt{9}, r.token()); claim != want || *r.tokens != before {
		r.fatalf("a token that is not good: %v, and the server went from %+v to %+v", claim, before, *r.tokens)
	}
	for _, generation := range []uint64{0, before.generation + 1, r.ends[1].m.cfg.Generation} {
		if r.tokens.Attach(generation) || *r.tokens != before {
			r.fatalf("ATTACH of generation %d counts (4.5): %+v", generation, before)
		}
	}
}

// theft has somebody use the client's token.
func (r *roamer) theft() {
	thief := Attempt{7}
	current := r.ticket.Token
	if r.rng.IntN(2) == 0 {
		// The thief is first: the client then finds its token used. Which of
		// them is the thief nobody can tell.
		v, claim := r.tokens.Present(current, thief, r.token())
		if claim == Good && r.tokens.Attach(v.Generation) {
			if _, claim := r.tokens.Present(current, r.ticket.Attempt, r.token()); claim != Stolen {
				r.fatalf("the client's token was used by another, and is %v (14.3)", claim)
			}
			r.met["robbed"]++
		}
	} else if r.heal(); !r.ended() && len(r.spent) > 0 {
		// The client was first.
		before := *r.tokens
		if _, claim := r.tokens.Present(r.spent[len(r.spent)-1], thief, r.token()); claim != Stolen {
			r.fatalf("a token that was used is %v when it comes again (14.3)", claim)
		}
		if *r.tokens != before {
			r.fatalf("a thief is promised something: %+v", r.tokens)
		}
		r.met["stolen"]++
	}
	r.over(1)
}

// heal ends all faults: what is broken is noticed, and the client dials until
// the session goes on. That takes a few steps and no luck.
func (r *roamer) heal() {
	for range 8 {
		for _, c := range slices.Clone(r.carriers) {
			c.block = [2]int{}
			for side := range 2 {
				if c.lost[0] || c.lost[1] || !c.open[1-side] || !r.uses(side, c) {
					r.leave(side, c)
				}
			}
		}
		if r.ends[0].m.ended || r.ends[1].m.ended && r.on[0] == nil && len(r.dialing) > 0 && r.dialing[0].lost[0] {
			r.giveUp()
		}
		r.dialing = slices.DeleteFunc(r.dialing, func(c *testCarrier) bool { return !c.open[0] })
		if !r.ends[0].m.ended && r.on[0] == nil && len(r.dialing) == 0 {
			r.dial(1)
		}
		for _, c := range slices.Clone(r.carriers) {
			r.deliver(c, 0, 0) // HELLO
			r.deliver(c, 1, 0) // WELCOME
			if r.on[0] == c {
				r.flush(0, 0)
				for n := 0; !c.attached && c.open[1] && n < 3; n++ {
					r.deliver(c, 0, 0) // ATTACH
				}
			}
		}
		if r.on[0] != nil && r.on[0] == r.on[1] && len(r.dialing) == 0 && !r.on[0].lost[0] && !r.on[0].lost[1] {
			return
		}
		if r.ended() && r.on[0] == nil && r.on[1] == nil && len(r.dialing) == 0 {
			for i, e := range r.ends {
				if !e.m.ended {
					r.over(i)
				}
			}
			return
		}
	}
	r.fatalf("it does not heal: the client is on %+v, the server on %+v, %d dials are under way", r.on[0], r.on[1], len(r.dialing))
}

// stale has everything arrive that is still on its way on other carriers, in
// some order, which changes nothing.
func (r *roamer) stale() {
	on := r.on[0]
	var left []*testCarrier
	for _, c := range r.carriers {
		if c != on {
			left = append(left, c)
		}
	}
	for _, i := range r.rng.Perm(len(left)) {
		for range 5 {
			for p := range frame.MaxLanes {
				r.deliver(left[i], 0, p)
				r.deliver(left[i], 1, p)
			}
		}
	}
	if r.on[0] != on || r.on[1] != on {
		r.fatalf("a carrier that was left took the session over (4.5)")
	}
}

// The histories of sessions that roam are worth something only if all of this
// happens in them.
func TestRoamersMeetAll(t *testing.T) {
	met := map[string]int{}
	for seed := uint64(2); seed < 3*400; seed += 3 {
		w, _ := newHistory(t, seed)
		r := newRoamer(w)
		r.history()
		for what, n := range r.met {
			met[what] += n
		}
	}
	for _, what := range []string{
		"cut", "half open", "silence", "moved", "resumed", "fenced", "late", "late hello", "second hello", "late attach",
		"expired", "restarted", "stolen", "robbed",
	} {
		if met[what] < 3 {
			t.Errorf("%q happened %d times", what, met[what])
		}
	}
	t.Log(met)
}
