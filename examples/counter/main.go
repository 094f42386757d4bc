// Command counter is the smallest whole twinwire program: one server on both
// wires, and clients that call it, watch a state and receive events.
//
//	go run ./examples/counter             # WebSocket, then QUIC, then the best
//	go run ./examples/counter -wire quic  # one of ws, quic, best
//
// It checks what it shows, and fails if anything is not as it should be.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"time"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/examples/counter/counter"
	"github.com/twinwire/twinwire/server"
)

func main() {
	wire := flag.String("wire", "all", "the wire to use: ws, quic, best, or all, one after another")
	addr := flag.String("addr", "localhost:0", "the address that the server listens at, on TCP and on UDP")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *addr, *wire); err != nil {
		fmt.Fprintln(os.Stderr, "counter:", err)
		os.Exit(1)
	}
}

// prefixes are what an address begins with to choose a wire.
var prefixes = map[string]string{"ws": "wss://", "quic": "quic://", "best": ""}

// run starts the server and plays the story over the wires.
func run(ctx context.Context, out io.Writer, addr, wire string) (err error) {
	wires := []string{wire}
	if wire == "all" {
		wires = []string{"ws", "quic", "best"}
	}
	for _, w := range wires {
		if _, ok := prefixes[w]; !ok {
			return fmt.Errorf("unknown wire %q: ws, quic, best and all are known", w)
		}
	}
	// A program that runs for longer leaves Certs nil: then the certificate is
	// stored, and clients on this machine trust it by themselves.
	development, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true})
	if err != nil {
		return err
	}
	p := &printer{out: out}
	log := slog.New(slog.NewTextHandler(p, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	a := &app{log: log, counters: make(map[events.Topic]*tally)}
	defer a.hub.Close()

	srv := &server.Server{Certs: development, Logger: slog.New(slog.DiscardHandler)}
	srv.Handle(counter.NewService(&a.hub, a.newHandler))
	l, err := server.Listen(addr)
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if e := srv.Shutdown(ctx); e != nil && err == nil {
			err = e
		}
		if e := <-served; e != server.ErrClosed && err == nil {
			err = e
		}
		if err == nil {
			p.printf("server: closed")
		}
	}()
	p.printf("server: one port, two wires: TCP and UDP %d", l.Port())
	for _, w := range wires {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		s := &story{printer: p, app: a, pins: development.Pins(), addr: fmt.Sprintf("%slocalhost:%d", prefixes[w], l.Port())}
		err := s.play(ctx, w)
		cancel()
		if err != nil {
			return fmt.Errorf("over %s: %w", w, err)
		}
	}
	return nil
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
		return slog.Attr{}
	}
	return a
}
