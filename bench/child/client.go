package child

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twinwire/twinwire/bench/load"
	"github.com/twinwire/twinwire/bench/peer"
)

// client is the handler of role Client.
type client struct {
	peer     peer.Peer
	began    time.Time
	received *os.File
	conns    []peer.Conn
	callers  *load.Callers // nil while none run
	calls    uint64        // answered to callers that were stopped
	events   *load.Events  // nil unless the connections subscribe
}

func newClient(p peer.Peer, received *os.File) *client {
	return &client{peer: p, began: time.Now(), received: received}
}

func (c *client) handle(ctx context.Context, r Request) (Reply, error) {
	switch {
	case r.Do == Dial && c.callers == nil && c.events == nil:
		return Reply{}, c.dial(ctx, r)
	case r.Do == Call && c.callers == nil:
		c.callers = load.StartCallers(c.conns, r.PerConn)
		return Reply{}, nil
	case r.Do == Stop && c.callers != nil:
		return Reply{}, c.stop(ctx)
	case r.Do == Mark:
		m, err := c.mark()
		return Reply{Mark: m}, err
	}
	return Reply{}, fmt.Errorf("client: cannot %s now", r.Do)
}

func (c *client) dial(ctx context.Context, r Request) error {
	cert, err := x509.ParseCertificate(r.Certificate)
	if err != nil {
		return err
	}
	var onEvent func(int) func([]byte)
	if r.Subscribe {
		c.events = load.NewEvents(r.Conns, c.received)
		onEvent = c.events.Subscriber
	}
	target := load.Target{Peer: c.peer, Addr: r.Addr, Certificate: cert}
	conns, err := load.Dial(ctx, target, r.Conns, onEvent)
	c.conns = append(c.conns, conns...)
	return err
}

func (c *client) mark() (MarkReply, error) {
	m, err := usage(c.began)
	switch {
	case err != nil:
	case c.callers != nil:
		m.Count, m.Latency, err = c.calls+c.callers.Calls(), c.callers.Latency(), c.callers.Err()
	case c.events != nil:
		m.Count, m.Latency, err = c.events.Delivered(), c.events.Latency(), c.events.Err()
	default:
		m.Count = c.calls
	}
	return m, err
}

// stop closes the connections if the calls do not end before ctx does.
func (c *client) stop(ctx context.Context) error {
	callers := c.callers
	c.callers = nil
	defer context.AfterFunc(ctx, func() { _ = load.Close(c.conns) })()
	err := callers.Stop()
	c.calls += callers.Calls()
	return err
}

// close closes the connections first: that ends every call.
func (c *client) close() error {
	err := load.Close(c.conns)
	if c.callers != nil {
		// Calls that are cut off here are no news: nobody asked for them to
		// be stopped.
		_ = c.callers.Stop()
	}
	return errors.Join(err, c.received.Close())
}
