package machine

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// A roamer is a world in which the session goes on with one carrier after
// another. It does what drivers do with carriers and handshakes: a client that
// has lost its carrier, or that moves, dials one or two others, and its server
// arbitrates by the tokens. The network between them breaks, stalls and
// swallows as it likes, on each carrier for itself, and tells nobody, or one
// side, or both, and when it likes.
type roamer struct {
	*world
	carriers []*testCarrier
	on       [2]*testCarrier // that the client and the server are bound to
	lost     [2]time.Duration
	keep     time.Duration // how long a side waits for a carrier

	// The client's.
	ticket  Ticket
	dialing []*testCarrier

	// The server's; nil when it does not know the session.
	tokens *Tokens

	serial   uint64  // of tokens and attempts
	spent    []Token // that were good before, the newest last
	attempts int     // dials
	met      map[string]int
}

// A testCarrier is a carrier with both its ends and what is on its way.
type testCarrier struct {
	independent bool
	q           [2]pipes // from the client, from the server
	block       [2]int   // steps for which nothing of a direction arrives
	lost        [2]bool  // what is sent in a direction from now on never arrives
	open        [2]bool  // an end has neither closed it nor noticed its end

	hello  *testHello // on its way to the server
	answer *testAnswer

	// What the ends know of it.
	told     [frame.MaxLanes]uint64 // by the client, in its hello
	welcomed *testAnswer            // by the server
	nexts    [frame.MaxLanes]uint64 // of the hello
	attached bool
}

// A testHello is a HELLO to go on with a session (14.2).
type testHello struct {
	Ticket
	nexts [frame.MaxLanes]uint64
}

// A testAnswer is a WELCOME, or a REFUSE.
type testAnswer struct {
	Resumption
	refused twinwire.Code
	nexts   [frame.MaxLanes]uint64
}

// newRoamer returns a world with the first carrier, on which the session has
// begun.
func newRoamer(w *world) *roamer {
	r := &roamer{world: w, keep: 20 * time.Second, met: map[string]int{}}
	if w.rng.IntN(10) == 0 {
		r.keep = time.Duration(200+w.rng.IntN(800)) * time.Millisecond
	}
	first := r.token()
	r.tokens = NewTokens(first, 1)
	r.ticket.Adopt(first, r.attempt())
	c := &testCarrier{independent: w.ends[0].m.cfg.Independent, open: [2]bool{true, true}, attached: true}
	r.carriers = append(r.carriers, c)
	for i, e := range w.ends {
		r.on[i] = c
		c.q[i] = *e.out
		e.out = &c.q[i]
	}
	return r
}

func (r *roamer) token() (t Token) {
	r.serial++
	binary.BigEndian.PutUint64(t[:], r.serial)
	return t
}

func (r *roamer) attempt() (a Attempt) {
	r.serial++
	binary.BigEndian.PutUint64(a[:], r.serial)
	return a
}

// dial has the client say hello on a carrier or two.
func (r *roamer) dial(carriers int) {
	m := r.ends[0].m
	r.attempts++
	for range carriers {
		nexts := m.Nexts()
		c := &testCarrier{independent: r.rng.IntN(2) == 0, open: [2]bool{true, true}, told: nexts, hello: &testHello{r.ticket, nexts}}
		r.carriers = append(r.carriers, c)
		r.dialing = append(r.dialing, c)
	}
}

// giveUp has the client wait no longer for an answer.
func (r *roamer) giveUp() {
	for _, c := range r.dialing {
		c.open[0] = false
	}
	r.dialing = nil
}

// leave is the end of a carrier for one side, which has closed it or noticed
// its end.
func (r *roamer) leave(side int, c *testCarrier) {
	c.open[side] = false
	if r.on[side] != c {
		return
	}
	r.on[side], r.lost[side] = nil, r.now
	r.ends[side].m.Detach()
	r.ends[side].out = new(pipes)
}

// bind has a side go on with a carrier.
func (r *roamer) bind(side int, c *testCarrier, b *Binding) {
	e := r.ends[side]
	b.Independent, b.Heartbeat = c.independent, 10*time.Second
	e.eff.Reset()
	if err := e.m.Rebind(b, r.now, &e.eff); err != nil {
		r.fatalf("%s: %v", e.name, err)
	}
	e.carryOut()
	if r.on[side] != nil {
		r.met["moved"]++
	}
	r.on[side], e.out = c, &c.q[side]
}

// deliver has some of what is on its way on a carrier arrive.
func (r *roamer) deliver(c *testCarrier, from, pipe int) {
	to := 1 - from
	if c.block[from] > 0 {
		c.block[from]--
		return
	}
	switch {
	case !c.open[to]:
		c.q[from] = pipes{}
		c.hello, c.answer = clip(c.hello, to == 1), clip(c.answer, to == 0)
	case from == 0 && c.hello != nil:
		h := c.hello
		c.hello = nil
		r.hello(c, h)
	case from == 1 && c.answer != nil:
		a := c.answer
		c.answer = nil
		r.answered(c, a)
	case from == 0 && !c.attached:
		// Lanes of their own may be faster than the ATTACH of lane 0.
		if len(c.q[0][0]) > 0 {
			r.attach(c)
		}
	case len(c.q[from][pipe]) == 0:
	case r.on[to] != c:
		// It is fenced (4.5), and will be closed.
		r.met["fenced"]++
		c.q[from][pipe] = nil
	default:
		r.ends[from].out = &c.q[from] // which may be another one's by now
		r.ends[from].deliver(pipe)
		if r.on[from] != c {
			r.met["late"]++
			r.ends[from].out = new(pipes)
			if on := r.on[from]; on != nil {
				r.ends[from].out = &on.q[from]
			}
		}
	}
}

func clip[T any](v *T, gone bool) *T {
	if gone {
		return nil
	}
	return v
}

// hello is what the server does with a HELLO (14.2, 14.3).
func (r *roamer) hello(c *testCarrier, h *testHello) {
	refuse := func(code twinwire.Code) {
		c.answer = clip(&testAnswer{refused: code}, c.lost[1])
	}
	if r.tokens == nil || r.ends[1].m.ended {
		refuse(twinwire.NotFound)
		return
	}
	if slices.Contains(r.spent, h.Token) {
		r.met["late hello"]++
	}
	if r.tokens.next != nil && r.tokens.next.Attempt == h.Attempt {
		r.met["second hello"]++
	}
	v, claim := r.tokens.Present(h.Token, h.Attempt, r.token())
	switch claim {
	case Stolen:
		r.fatalf("the client is taken for a thief: its hello came late (14.3)")
	case Late:
		refuse(twinwire.Replaced)
	case Wrong:
		refuse(twinwire.Unauthorized)
	default:
		c.welcomed = &testAnswer{Resumption: v, nexts: r.ends[1].m.Nexts()}
		c.nexts = h.nexts
		c.answer = clip(c.welcomed, c.lost[1])
	}
}

// answered is what the client does with the answer to its HELLO.
func (r *roamer) answered(c *testCarrier, a *testAnswer) {
	m := r.ends[0].m
	switch {
	case !slices.Contains(r.dialing, c) || m.ended:
		r.leave(0, c)
	case a.refused == twinwire.NotFound:
		if r.tokens != nil && !r.ends[1].m.ended {
			r.fatalf("the server does not know its session")
		}
		r.giveUp()
		if r.on[0] == nil {
			r.over(0)
		}
	case a.refused != 0:
		r.fatalf("the client is refused with %v while it dials (14.3)", a.refused)
	default:
		r.spent = append(r.spent, r.ticket.Token)
		r.ticket.Adopt(a.Token, r.attempt())
		r.bind(0, c, &Binding{Generation: a.Generation, Nexts: a.nexts, Told: c.told})
		r.dialing = slices.DeleteFunc(r.dialing, func(d *testCarrier) bool { return d == c })
		r.giveUp()
	}
}

// attach is what the server does with the first frames behind its WELCOME.
func (r *roamer) attach(c *testCarrier) {
	var f frame.Frame
	if _, err := f.Parse(c.q[0][0][0]); err != nil || f.Kind != frame.Attach || c.welcomed == nil || f.ID != c.welcomed.Generation {
		r.fatalf("the first frame is %+v: %v", f, err)
	}
	if r.tokens == nil || r.ends[1].m.ended || !r.tokens.Attach(f.ID) {
		r.met["late attach"]++
		r.leave(1, c) // another was faster, or there is nothing to go on with
		return
	}
	if on := r.on[0]; on != c && on != nil && on.attached {
		r.fatalf("a session goes on with a carrier that its client has left")
	}
	c.attached = true
	r.bind(1, c, &Binding{Generation: f.ID, Nexts: c.nexts, Told: c.welcomed.nexts})
	r.met["resumed"]++
	r.deliver(c, 0, 0)
}

// over is the end of the session for one side: nobody came back, or it was
// told that there is nothing to come back to.
func (r *roamer) over(side int) {
	e := r.ends[side]
	if on := r.on[side]; on != nil {
		r.leave(side, on)
	}
	e.eff.Reset()
	e.m.End(&e.eff)
	e.carryOut()
	if side == 1 {
		r.tokens = nil
	} else {
		r.giveUp()
	}
}

// wait lets time pass. A side whose peer is silent leaves its carrier; one
// without a carrier for too long ends.
func (r *roamer) wait(d time.Duration) {
	r.tick(d)
	for i, e := range r.ends {
		if e.dead != nil {
			r.met["silence"]++
			e.dead = nil
			r.leave(i, r.on[i])
		}
		if r.on[i] == nil && !e.m.ended && r.now-r.lost[i] >= r.keep {
			r.met["expired"]++
			r.over(i)
		}
	}
}

// ended reports whether the session is over for a side.
func (r *roamer) ended() bool { return r.ends[0].m.ended || r.ends[1].m.ended }
