package main

import (
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"time"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/examples/roaming/traffic"
	"github.com/twinwire/twinwire/server"
)

const ticks events.Topic = "ticks"

// A station is the server's side. What it knows outlives its server, as a
// database would.
type station struct {
	ledger *ledger
	certs  *certs.Development
	hub    events.Hub

	srv    *server.Server
	served chan error
}

// start starts a server and returns where it listens.
func (st *station) start() (addr string, err error) {
	l, err := server.Listen("127.0.0.1:0")
	if err != nil {
		return "", err
	}
	st.srv = &server.Server{Certs: st.certs, Logger: slog.New(slog.DiscardHandler)}
	st.srv.Handle(traffic.NewService(&st.hub, func(s *traffic.Session) traffic.Traffic { return &handler{st.ledger, s} }))
	st.served = make(chan error, 1)
	go func() { st.served <- st.srv.Serve(l) }() // ends with stop
	return l.Addr(), nil
}

// stop ends the server, at once.
func (st *station) stop() error {
	if err := st.srv.Close(); err != nil {
		return err
	}
	if err := <-st.served; err != server.ErrClosed {
		return err
	}
	return nil
}

// tick emits a tick every 2 ms until ctx is done.
func (st *station) tick(ctx context.Context) error {
	t := time.NewTicker(2 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
		err := st.ledger.emit(func(n uint64) error { return st.hub.Emit(context.Background(), ticks, traffic.Tick{N: n}) })
		if err != nil {
			return err
		}
	}
}

// A handler serves one session.
type handler struct {
	ledger *ledger
	s      *traffic.Session
}

var _ traffic.Traffic = (*handler)(nil)

func (h *handler) Count(_ context.Context, n uint64) (uint64, error) {
	h.ledger.run(n)
	return n, nil
}

func (h *handler) Upload(_ context.Context, body io.Reader) ([]byte, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, body); err != nil {
		return nil, err
	}
	return sum.Sum(nil), nil
}

func (h *handler) Follow(context.Context) (uint64, error) {
	return h.ledger.subscribe(func() error { return h.s.Subscribe(ticks) })
}
