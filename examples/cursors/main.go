// Command cursors serves a board that people point at and draw on together, in
// their browsers:
//
//	go run ./examples/cursors
//
// Its page is at http://localhost:8081, for browsers of the same machine; open
// it in two windows. They take that address for secure without a certificate,
// and the page gets WebTransport at the UDP port 4434 by the hash of the
// development certificate, which the server tells its own pages at
// /.well-known/twinwire; where there is no WebTransport it gets WebSocket. With a
// certificate that browsers trust the page is at https://HOST:4434 for everybody.
//
// Flags: -addr, where to listen on TCP and on UDP, and -page, the address of the
// page, which is a loopback address.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/twinwire/twinwire/server"
)

func main() {
	// The first Ctrl-C ends in peace, the second at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "cursors:", err)
		os.Exit(1)
	}
}

// run is main with what it needs of the system.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("cursors", flag.ContinueOnError)
	addr := flags.String("addr", ":4434", "the `address` to listen at, on TCP and on UDP")
	page := flags.String("page", "localhost:8081", "the loopback `address` of the page for browsers of this machine")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: cursors [flags]   serves a board; its page is at http://localhost:8081, open it in two windows\nflags:")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	b, err := newBoard()
	if err != nil {
		return err
	}
	defer b.close()
	l, err := server.Listen(*addr)
	if err != nil {
		return err
	}
	srv := newServer(b)
	srv.LoopbackAddr = *page
	fmt.Fprintf(out, "open http://%s in two windows; Ctrl-C ends it\n", *page)
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
