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
	peer      peer.Peer
	began     time.Time
	received  *os.File
	conns     []peer.Conn
	callers   *load.Callers   // nil while none run
	calls     uint64          // answered to callers that were stopped
	events    *load.Events    // nil unless the connections subscribe
	topics    *load.Topics    // nil unless the connection subscribes to topics
	transfers *load.Transfers // nil while none run
	bytes     uint64          // received by transfers that were stopped
	items     *load.Items     // nil while none are sent
	sent      uint64          // items, by those that were stopped
}

func newClient(p peer.Peer, received *os.File) *client {
	return &client{peer: p, began: time.Now(), received: received}
}

func (c *client) handle(ctx context.Context, r Request) (Reply, error) {
	switch {
	case r.Do == Dial && !c.works() && c.events == nil && c.topics == nil:
		return Reply{}, c.dial(ctx, r)
	case r.Do == Call && c.callers == nil:
		return Reply{}, c.call(r)
	case r.Do == Transfer && c.transfers == nil && len(c.conns) > 0:
		conn, ok := c.conns[0].(peer.Streamer)
		if !ok {
			return Reply{}, errUnable
		}
		c.transfers = load.StartTransfers(conn, r.Parallel, r.Size, r.Down)
		return Reply{}, nil
	case r.Do == Send && c.items == nil && len(c.conns) > 0:
		return Reply{}, c.send(r)
	case r.Do == Stop && c.works():
		return Reply{}, c.stop(ctx)
	case r.Do == Arrived && c.topics != nil:
		var m MarkReply
		m.Received, m.Lost = c.topics.Received()
		return Reply{Mark: m}, c.topics.Err()
	case r.Do == Mark:
		m, err := c.mark()
		return Reply{Mark: m}, err
	}
	return Reply{}, fmt.Errorf("client: cannot %s now", r.Do)
}

var errUnable = errors.New("client: the peer has no connections for that")

// works reports whether something is to be stopped.
func (c *client) works() bool { return c.callers != nil || c.transfers != nil || c.items != nil }

func (c *client) call(r Request) (err error) {
	c.callers, err = load.StartCallers(c.conns, load.CallOptions{PerConn: r.PerConn, Size: r.Size, Rate: r.Rate})
	return err
}

func (c *client) send(r Request) error {
	sender, err := begin(c.conns[0], r.Values)
	if err != nil {
		return err
	}
	c.items, err = load.StartItems(sender, load.ItemOptions{Size: r.Size, Rate: r.Rate})
	return err
}

// begin begins to send values, or messages.
func begin(c peer.Conn, values bool) (peer.Sender, error) {
	if values {
		if v, ok := c.(peer.Valuer); ok {
			return v.Values()
		}
	} else if m, ok := c.(peer.Messenger); ok {
		return m.Messages()
	}
	return nil, errUnable
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
	if r.Topics > 0 {
		if r.Conns != 1 || r.Subscribe {
			return errors.New("client: topics are for one connection, and without other events")
		}
		c.topics = load.NewTopics(r.Topics)
		onEvent = func(int) func([]byte) { return c.topics.Receive }
	}
	target := load.Target{Peer: c.peer, Addr: r.Addr, Certificate: cert, Streams: r.Streams, Large: r.Large, Topics: r.Topics}
	conns, err := load.Dial(ctx, target, r.Conns, onEvent)
	c.conns = append(c.conns, conns...)
	return err
}

func (c *client) mark() (MarkReply, error) {
	m, err := usage(c.began)
	m.Count, m.Bytes, m.Items = c.calls, c.bytes, c.sent
	if c.callers != nil {
		m.Count += c.callers.Calls()
		m.Latency, m.First = c.callers.Latency(), c.callers.First()
		err = errors.Join(err, c.callers.Err())
	} else if c.events != nil {
		m.Count, m.Latency = c.events.Delivered(), c.events.Latency()
		err = errors.Join(err, c.events.Err())
	}
	if c.topics != nil {
		m.Received, m.Lost = c.topics.Received()
		m.TopicLatency = c.topics.Latency()
		err = errors.Join(err, c.topics.Err())
	}
	if len(c.conns) > 0 {
		if conn, ok := c.conns[0].(peer.Wired); ok {
			m.Wire = conn.Wire()
		}
	}
	if c.transfers != nil {
		m.Bytes += c.transfers.Received()
		err = errors.Join(err, c.transfers.Err())
	}
	if c.items != nil {
		m.Items += c.items.Sent()
		err = errors.Join(err, c.items.Err())
	}
	return m, err
}

// stop closes the connections if what runs does not end before ctx does.
func (c *client) stop(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = load.Close(c.conns) })()
	var err error
	if callers := c.callers; callers != nil {
		c.callers = nil
		err = callers.Stop()
		c.calls += callers.Calls()
	}
	if transfers := c.transfers; transfers != nil {
		c.transfers = nil
		err = errors.Join(err, transfers.Stop())
		c.bytes += transfers.Received()
	}
	if items := c.items; items != nil {
		c.items = nil
		err = errors.Join(err, items.Stop())
		c.sent += items.Sent()
	}
	return err
}

// close closes the connections first: that ends whatever runs.
func (c *client) close() error {
	err := load.Close(c.conns)
	// What is cut off here is no news: nobody asked for it to be stopped.
	_ = c.stop(context.Background())
	return errors.Join(err, c.received.Close())
}
