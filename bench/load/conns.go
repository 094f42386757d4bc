package load

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"

	"github.com/twinwire/twinwire/bench/peer"
)

// dialers is how many dials are under way at once. More than 32 would overrun
// the accept queue of quic-go, which refuses the rest.
const dialers = 8

// Target says what to dial.
type Target struct {
	Peer        peer.Peer
	Addr        string
	Certificate *x509.Certificate
	Streams     bool // as in peer.DialOptions
	Large       bool // as in peer.DialOptions
	Topics      int  // as in peer.DialOptions
}

// Dial opens n connections and makes one call on each, so that each is wholly
// there and, if onEvent is not nil, subscribed. onEvent returns what the
// connection of that index does with its events. If one connection fails, all
// are closed.
func Dial(ctx context.Context, t Target, n int, onEvent func(i int) func([]byte)) ([]peer.Conn, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	conns := make([]peer.Conn, n)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(dialers, n) {
		wg.Go(func() {
			for i := range next {
				opts := peer.DialOptions{Certificate: t.Certificate, Streams: t.Streams, Large: t.Large, Topics: t.Topics}
				if onEvent != nil {
					opts.OnEvent = onEvent(i)
				}
				c, err := dialOne(ctx, t, opts)
				if err != nil {
					cancel(fmt.Errorf("connection %d of %d: %w", i+1, n, err))
				}
				conns[i] = c
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, errors.Join(err, Close(conns))
	}
	return conns, nil
}

func dialOne(ctx context.Context, t Target, opts peer.DialOptions) (peer.Conn, error) {
	c, err := t.Peer.Dial(ctx, t.Addr, opts)
	if err != nil {
		return nil, err
	}
	// A call waits for its connection only, so the connection has to end for
	// the call to.
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	_, err = c.NewCaller().Call(make([]byte, PayloadSize))
	if !stop() {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Close closes the connections, several at a time. It skips nil ones.
func Close(conns []peer.Conn) error {
	next := make(chan peer.Conn)
	failed := make([]error, dialers)
	var wg sync.WaitGroup
	for i := range failed {
		wg.Go(func() {
			for c := range next {
				if err := c.Close(); err != nil {
					failed[i] = err
				}
			}
		})
	}
	for _, c := range conns {
		if c != nil {
			next <- c
		}
	}
	close(next)
	wg.Wait()
	return errors.Join(failed...)
}
