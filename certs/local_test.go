package certs_test

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/twinwire/twinwire/certs"
)

// meet has a server with a source and a client with a configuration meet.
func meet(t *testing.T, src certs.Source, client *tls.Config) error {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", certs.ServerTLS(src))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, c) // handshakes
		_ = c.Close()
	}()
	client.ServerName = "localhost"
	c, err := tls.Dial("tcp", l.Addr().String(), client)
	if err == nil {
		_ = c.Close()
	}
	_ = l.Close()
	<-done
	return err
}

// A client of this machine trusts what this user has stored by the time of the
// handshake, and nobody else.
func TestLocalTLS(t *testing.T) {
	dir := t.TempDir()
	quiet := slog.New(slog.DiscardHandler)
	cfg := certs.LocalTLS(dir)
	stranger, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	err = meet(t, stranger, cfg.Clone())
	if pin, ok := certs.PresentedPin(err); !ok || pin != stranger.Pin() {
		t.Errorf("with an empty store: %v, want an error that tells the pin", err)
	}
	mine, err := certs.NewDevelopment(&certs.DevelopmentOptions{Dir: dir, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	if err := meet(t, mine, cfg.Clone()); err != nil {
		t.Errorf("a certificate that was stored after LocalTLS was called: %v", err)
	}
	var unpinned *certs.PinError
	if err := meet(t, stranger, cfg.Clone()); !errors.As(err, &unpinned) || unpinned.Presented != stranger.Pin() {
		t.Errorf("a stranger: %v, want a PinError", err)
	}
}
