package core

import (
	"context"
	"slices"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/transport"
)

// A first is what a client remembers of the handshake that began a session.
type first struct {
	own     *hello // with the attempt
	welcome *hello
}

// Unheard reports whether nothing has arrived in a session of this client
// since the welcome, so that its server may never have begun it: the ATTACH may
// have been lost with the carrier. GreetFirst finds out.
func (s *Session) Unheard() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keep != nil && s.keep.first != nil && s.m.Unheard()
}

// GreetFirst is GreetAgain for a session that the server does not know
// (NotFound), although it has welcomed it, and in which nothing has arrived
// (Unheard). It says the hello of the attempt that began the session once more.
// A server that answers with the id of the session says by that that it has not
// begun it (clause 3.6): then nothing of what was sent has arrived, and
// Offer.Resume begins the session, with all of that. A server that has begun it
// refuses with Replaced, and one that knows nothing of the attempt any more, as
// when it was restarted, is declined with NotFound: what was sent may have been
// carried out.
func GreetFirst(ctx context.Context, carrier transport.Carrier, s *Session) (*Offer, error) {
	if !s.Unheard() {
		carrier.Close(twinwire.Canceled, "")
		return nil, twinwire.NewError(twinwire.FailedPrecondition, "session was heard of")
	}
	o := newOffer(carrier, s.cfg, s.mux, ID{})
	o.first = s
	own := *s.keep.first.own
	o.own = &own
	if _, err := o.greet(ctx); err != nil {
		return nil, err
	}
	if !s.keep.first.welcome.sameSession(o.welcome) {
		o.Decline()
		return nil, &RefusedError{Code: twinwire.NotFound, Reason: "server knows nothing of the attempt that began the session"}
	}
	o.resume = s
	return o, nil
}

// sameSession reports whether two welcomes to one attempt are of one server,
// which has not begun the session: they differ in nothing that it depends on.
func (h *hello) sameSession(other *hello) bool {
	return h.session == other.session && h.generation == other.generation &&
		h.keep == other.keep && *h.token == *other.token && h.lanes == other.lanes && slices.Equal(h.features, other.features) && h.window == other.window && h.version == other.version
}

// begins has a session that its server has not begun begin with the carrier of
// an offer.
func (o *Offer) begins(b *binding) error {
	o.first.mu.Lock()
	o.first.expiresLocked(o.welcome.expires)
	o.first.mu.Unlock()
	return o.first.rebind(b, &machine.Binding{
		Generation: o.welcome.generation, Independent: b.carrier.Info().Independent, Heartbeat: o.welcome.heartbeat, Trip: o.trip,
	})
}
