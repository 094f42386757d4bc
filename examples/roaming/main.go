// Command roaming shows that sessions survive their wires: a client makes
// calls, uploads and receives events while a proxy between it and its server
// cuts TCP connections, swallows UDP and lets it through again; at the end the
// server is restarted.
//
//	go run ./examples/roaming            # about ten seconds
//	go run ./examples/roaming -rounds 10 # more of it
//
// Both sides keep a ledger. It is printed, and the exit code is 1 if anything
// was lost, happened twice or came in another order.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/client"
)

func main() {
	var j journey
	flag.IntVar(&j.rounds, "rounds", 3, "how often UDP is swallowed and comes back")
	flag.IntVar(&j.cuts, "cuts", 2, "how often TCP is cut in each round")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, j); err != nil {
		fmt.Fprintln(os.Stderr, "roaming:", err)
		os.Exit(1)
	}
}

// errUnclean is the error of a run whose ledger has something to complain of.
var errUnclean = errors.New("the ledger is not clean")

// run makes one journey, and cleans up.
func run(ctx context.Context, out io.Writer, j journey) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(j.rounds+2)*15*time.Second)
	defer cancel()
	// A program that runs for longer leaves Certs nil: then the certificate is
	// stored, and clients on this machine trust it by themselves.
	development, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true})
	if err != nil {
		return err
	}
	j.printer = &printer{out: out, began: time.Now()}
	j.ledger = newLedger()
	j.station = &station{ledger: j.ledger, certs: development}
	defer j.station.hub.Close()
	addr, err := j.station.start()
	if err != nil {
		return err
	}
	if j.road, err = newRoad(addr); err != nil {
		return errors.Join(err, j.station.stop())
	}
	defer j.road.close()

	ticking, stopTicking := context.WithCancel(ctx)
	defer stopTicking()
	ticked := make(chan error, 1)
	go func() { ticked <- j.station.tick(ticking) }()
	t := &traveller{printer: j.printer, ledger: j.ledger, enough: make(chan struct{}), whole: make(chan struct{})}
	j.whole = t.whole
	travelling, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	done := make(chan error, 1)
	go func() {
		done <- client.Run(travelling, j.road.addr(), &client.Options{Pins: development.Pins()}, t.session)
	}()

	err = j.play(ctx)
	stopTicking()
	err = errors.Join(err, <-ticked)
	close(t.enough)
	if err != nil {
		giveUp(err)
	}
	err = errors.Join(err, <-done)
	t.lives.Wait()
	err = errors.Join(err, j.station.stop())
	if clean := j.ledger.close(out); err == nil && !clean {
		err = errUnclean
	}
	return err
}

// A printer prints lines of several goroutines, each with the time.
type printer struct {
	mu    sync.Mutex
	out   io.Writer
	began time.Time
}

func (p *printer) printf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = fmt.Fprintf(p.out, "%6.2fs  %s\n", time.Since(p.began).Seconds(), fmt.Sprintf(format, args...))
}
