package server

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
)

// drainTime is how long clients are asked to stay away after a shutdown, at
// most: they come back spread over it.
const drainTime = 2 * time.Second

// retryAfter returns when a client is asked to come back.
func retryAfter() time.Duration {
	return time.Duration(rand.Int64N(int64(drainTime))) + time.Millisecond
}

// Shutdown ends the server in peace: it refuses new sessions, announces to every
// client until when it will be there at the latest, which is ctx's deadline
// (docs/protocol.md, clause 8.4), refuses new calls, lets those that are running
// finish, says goodbye with Unavailable and a time to come back, stops
// listening, and returns when all sessions and HTTP requests have ended. A
// client that loses its connection meanwhile may go on over another until the
// goodbye, and is waited for, for 2 s; HTTP is served until then. If ctx is done before, what is left ends
// at once and the error is ctx's; handlers that ignore their context are not
// waited for any longer than a second. A second Shutdown waits for the first.
//
// A client.Run that has another address goes there at once and closes its
// session here when no call is under way. It is served as before until then, for
// half of the time until the deadline, at most 5 s; so Shutdown takes up to that
// long for clients that are busy without a pause or do not find another server.
// One that has no other address comes back when it was asked to.
func (s *Server) Shutdown(ctx context.Context) error {
	list, first, err := s.beginClosing()
	if err != nil {
		return nil // it never served
	}
	if !first {
		select {
		case <-s.finished:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, v := range list {
		v.http.SetKeepAlivesEnabled(false) // the next request is another server's
		v.pages.SetKeepAlivesEnabled(false)
	}
	var wg sync.WaitGroup
	for session := range s.Sessions() {
		wg.Go(func() { _ = session.Drain(ctx, twinwire.Unavailable, "server is shutting down", retryAfter()) })
	}
	wg.Wait()
	s.settleArrivals(ctx)
	s.takeNoMore()
	for _, v := range list {
		// Stops listening on TCP and waits for HTTP requests; WebSockets are
		// not among them any more. UDP goes on until the end, so that who dials
		// is told at once and does not have to find out.
		wg.Go(func() { _ = v.http.Shutdown(ctx) })
		wg.Go(func() { _ = v.pages.Shutdown(ctx) })
	}
	wg.Wait()
	s.finish(ctx, list)
	return context.Cause(ctx)
}

// Close ends the server at once: sessions are told, and not waited for beyond
// what telling takes.
func (s *Server) Close() error {
	list, first, err := s.beginClosing()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if first {
		s.takeNoMore()
		var wg sync.WaitGroup
		for session := range s.Sessions() {
			wg.Go(func() { closeSession(session) })
		}
		wg.Wait()
		s.finish(ctx, list)
	}
	<-s.finished
	return nil
}

func closeSession(session *core.Session) {
	session.CloseWith(twinwire.Unavailable, "server is closing", retryAfter())
	<-session.Done()
}

// beginClosing makes the server refuse what is new. It returns what is being
// served, and whether this was the first time.
func (s *Server) beginClosing() (list []*serving, first bool, err error) {
	if err := s.init(); err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	first = !s.closing
	s.closing = true
	s.acceptor.Refuse(func() error {
		return &core.RefusedError{Code: twinwire.Unavailable, Reason: "server is shutting down", RetryAfter: retryAfter()}
	})
	for v := range s.serving {
		list = append(list, v)
	}
	return list, first, nil
}

// settleTime is how long clients that were welcomed before the Shutdown have to
// begin their sessions, which are told to leave then: a round trip, and whatever
// keeps a client busy.
const settleTime = 2 * time.Second

func (s *Server) settleArrivals(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	s.acceptor.Settle(ctx)
}

// takeNoMore closes every carrier that is here for a session, or comes from now
// on: there is none left that could go on with it.
func (s *Server) takeNoMore() {
	s.mu.Lock()
	s.last = true
	s.mu.Unlock()
	s.acceptor.Dismiss(twinwire.Unavailable, "server is shutting down")
}

// straggle is how long handlers whose context has ended are waited for.
const straggle = time.Second

// finish waits for the sessions and closes the sockets under them.
func (s *Server) finish(ctx context.Context, list []*serving) {
	gone := make(chan struct{})
	go func() { // ends with the last carrier
		s.carriers.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-ctx.Done():
	}
	for _, v := range list {
		v.close()
	}
	patience := time.NewTimer(straggle)
	defer patience.Stop()
	select {
	case <-gone:
	case <-patience.C:
		s.log().Warn("twinwire: handlers go on after their context has ended")
	}
	s.watching.Do(func() {}) // if it never served
	s.keg.close()
	close(s.finished)
}
