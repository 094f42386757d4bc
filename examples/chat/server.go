package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/examples/chat/chat"
	"github.com/twinwire/twinwire/server"
)

// newServer returns the server of a hall. Its Certs are nil: that is the
// certificate of the environment, else one for development, which is stored.
func newServer(h *hall) *server.Server {
	srv := &server.Server{
		// Sessions outlive their connection: a client whose network is gone for
		// a moment goes on where it was, and nobody notices. Who is not back
		// after this time has left.
		Limits: &core.Limits{ResumeTime: 30 * time.Second},
	}
	srv.Handle(chat.NewService(&h.hub, h.newMember))
	srv.Handler = pageHandler()
	return srv
}

// runServer serves until ctx is done. The page is there at its own address, for
// browsers of this machine; "" is none.
func runServer(ctx context.Context, addr, pageAddr string, out io.Writer) (err error) {
	h, err := newHall()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	l, err := server.Listen(addr)
	if err != nil {
		return err
	}
	srv := newServer(h)
	srv.LoopbackAddr = pageAddr
	fmt.Fprintf(out, "listening at port %d, TCP and UDP; Ctrl-C ends it\n", l.Port())
	if pageAddr != "" {
		fmt.Fprintf(out, "open http://%s in a browser, or talk in a terminal: go run ./examples/chat client -nick NAME\n", pageAddr)
	}
	return serve(ctx, srv, l)
}

// serve serves until ctx is done, and then says goodbye to all clients.
func serve(ctx context.Context, srv *server.Server, l *server.Listener) error {
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }() // ends by Shutdown
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	goodbye, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := srv.Shutdown(goodbye)
	if e := <-served; e != server.ErrClosed {
		err = errors.Join(err, e)
	}
	return err
}
