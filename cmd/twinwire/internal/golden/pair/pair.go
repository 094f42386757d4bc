// Package pair makes sessions in memory for the tests of generated code.
package pair

import (
	"context"
	"log/slog"
	"testing"

	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// Connect makes a session between a server and a client that serve these
// services, and ends it with the test.
func Connect(t testing.TB, server, client []*core.Service) (serverEnd, clientEnd *core.Session) {
	t.Helper()
	_, serverEnd, clientEnd = Pipe(t, server, client)
	return serverEnd, clientEnd
}

// Pipe is Connect with the client's end of the pipe below.
func Pipe(t testing.TB, server, client []*core.Service) (near *mem.Carrier, serverEnd, clientEnd *core.Session) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	acceptor, err := core.NewAcceptor(&core.Config{Services: server, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	began := make(chan *core.Session, 1)
	acceptor.Began = func(s *core.Session) { began <- s }
	mux, err := core.NewMux(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	near, far := mem.Pipe(nil)
	served := make(chan struct{})
	go func() { // ends with the session
		defer close(served)
		_ = acceptor.Serve(far)
	}()
	offer, err := core.Greet(context.Background(), near, &core.Config{Services: client, Logger: log}, mux, core.ID{1})
	if err != nil {
		t.Fatal(err)
	}
	s := offer.Accept()
	t.Cleanup(func() {
		_ = s.Close()
		<-served
	})
	return near, <-began, s
}
