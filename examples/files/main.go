// Files sends a folder to a server and back, loses the connection in the
// middle of it, and goes on where it was:
//
//	go run ./examples/files            # over WebSocket, then over QUIC
//	go run ./examples/files -wire auto # one of ws, quic, auto
//
// It works in a temporary folder, which it removes, verifies what it did, and
// fails if anything is not as it should be.
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
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/files"
	"github.com/twinwire/twinwire/server"
)

func main() {
	wire := flag.String("wire", "all", "the wire to use: ws, quic, auto, or all, which is ws and then quic")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *wire); err != nil {
		fmt.Fprintln(os.Stderr, "files:", err)
		os.Exit(1)
	}
}

// prefixes are what an address begins with to choose a wire.
var prefixes = map[string]string{"ws": "wss://", "quic": "quic://", "auto": ""}

// run sends the folder over the wires.
func run(ctx context.Context, out io.Writer, wire string) error {
	wires := []string{wire}
	if wire == "all" {
		wires = []string{"ws", "quic"}
	}
	for _, w := range wires {
		if _, ok := prefixes[w]; !ok {
			return fmt.Errorf("unknown wire %q: ws, quic, auto and all are known", w)
		}
		if err := once(ctx, out, w); err != nil {
			return fmt.Errorf("over %s: %w", w, err)
		}
	}
	return nil
}

// once sends a folder there and back over one wire.
func once(ctx context.Context, out io.Writer, wire string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	fmt.Fprintf(out, "\n== %s ==\n", wire)
	f, err := newFolders()
	if err != nil {
		return err
	}
	defer f.remove()

	// A program that runs for longer leaves Certs nil: then the certificate is
	// stored, and clients on this machine trust it by themselves.
	development, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true})
	if err != nil {
		return err
	}
	srv := &server.Server{Certs: development, Logger: slog.New(slog.DiscardHandler)}
	srv.Handle(service(f.there))
	l, err := server.Listen("localhost:0")
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
	}()
	t := &trip{
		folders: f, bar: newBar(out), pins: development.Pins(),
		addr: fmt.Sprintf("%slocalhost:%d", prefixes[wire], l.Port()),
	}
	return t.run(ctx)
}

// service keeps the files of one folder: "folder.Put" takes files, and
// "folder.Get" gives all there are.
func service(root *os.Root) *core.Service {
	return &core.Service{Name: "folder", Methods: map[string]core.Method{
		"folder.Put": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			saved, err := files.Save(ctx, r, root, &files.Options{Existing: files.SkipSame})
			return codec.Value[int]{V: len(saved)}, err
		},
		"folder.Get": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			sources, err := files.FS(root.FS(), ".")
			if err != nil {
				return nil, err
			}
			return nil, files.Send(ctx, r, sources, nil)
		},
	}}
}
