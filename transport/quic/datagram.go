package quic

import (
	"context"
	"time"

	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/internal/closing"
)

// DatagramSize returns how many bytes a datagram may have; see
// transport.Datagrams.
func (c *Carrier) DatagramSize() int {
	if state := c.conn.ConnectionState(); !state.SupportsDatagrams.Local || !state.SupportsDatagrams.Remote {
		return 0
	}
	return transport.MaxDatagram
}

// SendDatagram queues a datagram; see transport.Datagrams. It waits while 32
// others wait to leave.
func (c *Carrier) SendDatagram(b []byte) error {
	if len(b) > transport.MaxDatagram {
		return transport.ErrBatch
	}
	return c.link.sendDatagram(b)
}

// DeliverDatagrams reads datagrams until the carrier ends; see
// transport.Datagrams.
func (c *Carrier) DeliverDatagrams(deliver func(b []byte) error) {
	// Receive waits for it. It runs deliver, so there are others to wait for.
	c.readers.Go(func() {
		for {
			b, err := c.link.receiveDatagram(untilEnded{c.ended})
			if err != nil {
				return // lanes tell why
			}
			if err := deliver(b); err != nil {
				code, reason := closing.Undelivered(err)
				c.close(err, code, reason)
				return
			}
		}
	})
}

// Lost returns how many packets were lost; see transport.Lossy. Those that look
// for the largest packet of the path are among them.
func (c *Carrier) Lost() uint64 { return c.conn.ConnectionStats().PacketsLost }

// untilEnded is a context that is done when a carrier has ended.
type untilEnded struct{ ended <-chan struct{} }

func (u untilEnded) Deadline() (time.Time, bool) { return time.Time{}, false }
func (u untilEnded) Done() <-chan struct{}       { return u.ended }
func (u untilEnded) Value(any) any               { return nil }

func (u untilEnded) Err() error {
	select {
	case <-u.ended:
		return context.Canceled
	default:
		return nil
	}
}

func (n native) sendDatagram(b []byte) error { return n.conn.SendDatagram(b) }

func (n native) receiveDatagram(ctx context.Context) ([]byte, error) {
	return n.conn.ReceiveDatagram(ctx)
}

func (s *session) sendDatagram(b []byte) error { return s.wt.SendDatagram(b) }

func (s *session) receiveDatagram(ctx context.Context) ([]byte, error) {
	return s.wt.ReceiveDatagram(ctx)
}
