// Package scenario runs a peer across a bad network: its server is a process
// at one end of a link, its client one at the other end, and this process is
// what is between them.
//
// A program that uses it calls [child.Main] first, with the peers that it
// starts.
package scenario

import (
	"context"
	"errors"
	"time"

	"github.com/twinwire/twinwire/bench/child"
	"github.com/twinwire/twinwire/bench/link"
	"github.com/twinwire/twinwire/bench/load"
	"github.com/twinwire/twinwire/bench/peer"
)

// A Stage is a peer's server and client with a link between them, and one
// connection. It belongs to one goroutine, but for Link.
type Stage struct {
	// Link may be changed while something runs. The client is at A, the server
	// at B.
	Link *link.Link
	// Server and Client take requests in addition to the methods here.
	Server, Client *child.Process

	pair *child.Pair
}

// Start makes a link, starts both processes, and dials. The connection
// subscribes to so many topics. All is ended when ctx is, at the latest. Where links cannot be made the error is that of link.New;
// see link.Available.
func Start(ctx context.Context, p peer.Peer, c *link.Config, topics int) (_ *Stage, err error) {
	s := new(Stage)
	if s.Link, err = link.New(ctx, c); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	s.pair, err = child.StartPair(ctx, p.Info().Name, &child.PairOptions{
		StartServer: s.Link.B.Start,
		StartClient: s.Link.A.Start,
	})
	if err != nil {
		return nil, err
	}
	s.Server, s.Client = s.pair.Server, s.pair.Client
	l, err := s.Server.Do(child.Request{Do: child.Listen, Addr: s.Link.B.Addr().String()})
	if err != nil {
		return nil, err
	}
	_, err = s.Client.Do(child.Request{
		Do:          child.Dial,
		Addr:        l.Addr,
		Certificate: l.Certificate,
		Conns:       1,
		Topics:      topics,
		Streams:     p.Info().Can&peer.Streams != 0,
	})
	return s, err
}

// Calls keeps one call under way on the connection, and returns the times of
// those that end while measure passes, after warm has passed.
func (s *Stage) Calls(ctx context.Context, warm, measure time.Duration) (_ load.Latency, err error) {
	if _, err := s.Client.Do(child.Request{Do: child.Call, PerConn: 1}); err != nil {
		return load.Latency{}, err
	}
	defer func() {
		_, stopErr := s.Client.Do(child.Request{Do: child.Stop})
		err = errors.Join(err, stopErr)
	}()
	if err := wait(ctx, warm); err != nil {
		return load.Latency{}, err
	}
	// A mark begins the times anew.
	if _, err := mark(s.Client); err != nil {
		return load.Latency{}, err
	}
	if err := wait(ctx, measure); err != nil {
		return load.Latency{}, err
	}
	m, err := mark(s.Client)
	return m.Latency, err
}

// mark asks a process what it has done, which begins its times anew.
func mark(p *child.Process) (child.MarkReply, error) {
	r, err := p.Do(child.Request{Do: child.Mark})
	return r.Mark, err
}

// overrun returns ErrOverrun if the link has not kept up.
func (s *Stage) overrun() error {
	if s.Link.A.Stats().Overrun+s.Link.B.Stats().Overrun > 0 {
		return ErrOverrun
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close ends both processes and then the link. The error is theirs.
func (s *Stage) Close() error {
	var err error
	if s.pair != nil {
		err = s.pair.Close()
	}
	return errors.Join(err, s.Link.Close())
}
