package client

import (
	"context"
	"errors"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/internal/plain"
	"github.com/twinwire/twinwire/transport"
)

const (
	// headStart is how long WebSocket waits for QUIC.
	headStart = 200 * time.Millisecond
	// helloPatience is how long the wire that was ready first may wait for the
	// server's answer before the other one says hello too.
	helloPatience = time.Second
	// lastChance is how long QUIC may still take to connect when WebSocket has
	// failed, beside twice the time that WebSocket took to do so.
	lastChance = 300 * time.Millisecond
)

// A wire is a way to a server.
type wire int

const (
	wireQUIC wire = iota
	wireWebSocket
	wirePlaintext
	wireWebTransport
)

// String returns the wire as an address names it.
func (w wire) String() string { return [...]string{"quic", "wss", "ws", "https"}[w] }

// overQUIC reports whether it is one that a network that swallows UDP has not.
func (w wire) overQUIC() bool { return w == wireQUIC || w == wireWebTransport }

// A race is one dial. One goroutine, run, decides; for each wire another dials
// and greets, and reports.
//
// A server that is down refuses TCP, and UDP in silence, since a socket that
// quic-go can use is not told: QUIC would wait for its handshake's time, which
// is 5 s. Both wires are served at one port, so that QUIC need not be waited
// for in earnest once WebSocket has failed. A refusal takes a round trip and
// QUIC's handshake one or two, so that it gets twice the time of the failure,
// and 300 ms, in which quic-go sends again what was lost. If that is too short
// after all, the next try has the same chance. Nor is there a limit where the
// server answers: a QUIC connection that is ready may say hello in any case,
// and QUIC alone (quic://) has all its time.
type race struct {
	target    *target
	mux       *core.Mux
	cfg       *core.Config
	attempt   core.ID // of a new session
	headStart time.Duration
	resume    *core.Session // that goes on; nil for a new one
	afresh    bool          // resume may never have begun at the server

	// Owned by run.
	reports chan report
	runners []*runner
	causes  []error
	winner  wire
}

// A runner is a wire in the race.
type runner struct {
	wire    wire
	started time.Time         // zero before
	carrier transport.Carrier // ready to carry; nil before
	greeted bool
	done    bool // it has failed, or its offer is here
}

// A report is what a runner's goroutine has to say: a carrier is ready, the
// server has answered, or it has failed.
type report struct {
	runner  *runner
	carrier transport.Carrier
	offer   *core.Offer
	err     error
}

// run runs the race. When it returns, every runner's goroutine has ended or is
// about to, having closed what it had.
func (r *race) run(ctx context.Context) (*core.Session, error) {
	dialing, cancel := context.WithCancelCause(ctx)
	r.reports = make(chan report)
	for _, w := range r.target.wires {
		r.runners = append(r.runners, &runner{wire: w})
	}
	open := 0 // goroutines that have a report to make
	defer func() {
		cancel(errLost)
		for ; open > 0; open-- {
			(<-r.reports).discard()
		}
		for _, n := range r.runners {
			if n.carrier != nil && !n.greeted {
				n.carrier.Close(twinwire.Replaced, "another wire was faster")
			}
		}
	}()
	start := func(n *runner) {
		n.started = time.Now()
		open++
		go func() { // ends with its report, which run always takes
			c, err := r.target.dial(dialing, n.wire, r.resume == nil)
			r.reports <- report{runner: n, carrier: c, err: err}
		}()
	}
	greet := func(n *runner) {
		n.greeted = true
		open++
		go func() { // likewise; Greet is bounded by the handshake's time
			o, err := r.greet(dialing, n.carrier)
			r.reports <- report{runner: n, offer: o, err: err}
		}()
	}
	start(r.runners[0])
	next := time.NewTimer(max(0, r.headStart))
	defer next.Stop()
	var patience <-chan time.Time // runs while a hello waits for its answer
	var chance <-chan time.Time   // runs while QUIC has its last chance
	for {
		select {
		case <-ctx.Done():
			return nil, r.failed(plain.Wrap("given up", context.Cause(ctx)))
		case <-next.C:
			r.startNext(start)
		case <-patience:
			patience = nil
			if n := r.ready(); n != nil {
				greet(n)
			}
		case <-chance:
			if !r.live() {
				return nil, r.failed(plain.Wrap(r.slow().String(), errTooSlow))
			}
		case p := <-r.reports:
			open--
			n := p.runner
			switch {
			case p.err != nil:
				n.done = true
				r.causes = append(r.causes, plain.Wrap(n.wire.String(), p.err))
				if _, refused := errors.AsType[*core.RefusedError](p.err); refused {
					return nil, plain.Wrap("dial "+r.target.addr, p.err)
				}
				r.startNext(start)
				if n.wire == wireWebSocket && chance == nil {
					chance = time.After(lastChance + 2*time.Since(n.started))
				}
				if n := r.ready(); n != nil && !r.greeting() {
					greet(n)
					patience = time.After(r.patience(n))
				} else if r.over() {
					return nil, r.failed(nil)
				}
			case p.offer != nil:
				n.done = true
				r.winner = n.wire
				if r.resume != nil {
					return r.resume, p.offer.Resume()
				}
				return p.offer.Accept(), nil
			default:
				n.carrier = p.carrier
				if !r.greeting() {
					greet(n)
					patience = time.After(r.patience(n))
				} else if patience == nil {
					greet(n) // the other's time is up already
				}
			}
		}
	}
}

// patience returns how long a wire that says hello may wait for its answer
// before another one says it too.
func (r *race) patience(n *runner) time.Duration {
	if n.carrier.Info().Early {
		// It has not been answered at all yet: it gets the time that it had got
		// to connect.
		return max(0, r.headStart)
	}
	return helloPatience
}

// greet says hello on a carrier.
func (r *race) greet(ctx context.Context, c transport.Carrier) (*core.Offer, error) {
	switch {
	case r.afresh:
		return core.GreetFirst(ctx, c, r.resume)
	case r.resume != nil:
		return core.GreetAgain(ctx, c, r.resume)
	}
	return core.Greet(ctx, c, r.cfg, r.mux, r.attempt)
}

// errLost is why the wires that did not win are given up.
var errLost = errors.New("another wire was faster")

// errTooSlow is why QUIC is given up when WebSocket has failed.
var errTooSlow = errors.New("no answer over UDP soon after WebSocket had failed")

// slow returns the wire over UDP that takes part.
func (r *race) slow() wire {
	for _, n := range r.runners {
		if n.wire.overQUIC() {
			return n.wire
		}
	}
	return wireQUIC // there is one: no other has a last chance
}

// startNext starts the next wire that has not been started.
func (r *race) startNext(start func(*runner)) {
	for _, n := range r.runners {
		if n.started.IsZero() {
			start(n)
			return
		}
	}
}

// ready returns a wire that could say hello and has not.
func (r *race) ready() *runner {
	for _, n := range r.runners {
		if n.carrier != nil && !n.greeted {
			return n
		}
	}
	return nil
}

// greeting reports whether a hello waits for its answer.
func (r *race) greeting() bool {
	for _, n := range r.runners {
		if n.greeted && !n.done {
			return true
		}
	}
	return false
}

// live reports whether a wire is connected, and the server may answer on it.
func (r *race) live() bool {
	for _, n := range r.runners {
		if n.carrier != nil && !n.carrier.Info().Early && !n.done {
			return true
		}
	}
	return false
}

// over reports whether every wire has failed.
func (r *race) over() bool {
	for _, n := range r.runners {
		if !n.done {
			return false
		}
	}
	return true
}

// failed is the error of a dial without a session.
func (r *race) failed(last error) error {
	causes := r.causes
	if last != nil {
		causes = append(causes, last)
	}
	return &DialError{Addr: r.target.addr, Causes: causes}
}

// discard gives up what came too late.
func (p report) discard() {
	switch {
	case p.offer != nil:
		p.offer.Decline()
	case p.err == nil:
		p.carrier.Close(twinwire.Replaced, "another wire was faster")
	}
}
