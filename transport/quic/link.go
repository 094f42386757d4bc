package quic

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/transport/internal/closing"
)

// A link is what has the lanes of a carrier as its streams: a QUIC connection,
// or a WebTransport session on one.
type link interface {
	// wire names it.
	wire() string
	// open opens a stream, and accept waits for one of the peer's. open fails
	// with a *quic.StreamLimitReachedError where there may be no more.
	open() (*pipe, error)
	accept() (*pipe, error)
	// sendDatagram queues a datagram, and receiveDatagram waits for one of the
	// peer's.
	sendDatagram(b []byte) error
	receiveDatagram(ctx context.Context) ([]byte, error)
	// close ends the link and tells the peer why.
	close(code twinwire.Code, reason string)
	// done is closed when the link has ended.
	done() <-chan struct{}
	// lost returns what the end of the link means, given its error or that of
	// one of its streams, and reset whether err is only that of a stream that
	// the peer has reset.
	lost(err error) error
	reset(err error) bool
	// release calls free, which ends the connection, when the peer has been
	// told what close was called for. It does not wait for that.
	release(free func())
}

// A pipe is a stream of a link.
type pipe struct{ duplex }

type duplex interface {
	stream
	io.Writer
	SetWriteDeadline(t time.Time) error
}

// A native link is a QUIC connection.
type native struct{ conn *quic.Conn }

func (n native) wire() string { return "quic" }

func (n native) open() (*pipe, error) {
	s, err := n.conn.OpenStream()
	if err != nil {
		return nil, err
	}
	return &pipe{s}, nil
}

func (n native) accept() (*pipe, error) {
	s, err := n.conn.AcceptStream(context.Background())
	if err != nil {
		return nil, err
	}
	return &pipe{s}, nil
}

func (n native) close(code twinwire.Code, reason string) {
	_ = n.conn.CloseWithError(quic.ApplicationErrorCode(code), reason) // always nil
}

func (n native) done() <-chan struct{} { return n.conn.Context().Done() }

func (n native) lost(err error) error {
	if cause := context.Cause(n.conn.Context()); cause != nil {
		err = cause
	}
	var app *quic.ApplicationError
	if errors.As(err, &app) && app.Remote {
		return closing.ByPeer(uint64(app.ErrorCode), app.ErrorMessage)
	}
	return lost(n.conn, err)
}

func (n native) reset(err error) bool {
	return errors.As(err, new(*quic.StreamError)) && context.Cause(n.conn.Context()) == nil
}

// release need not wait: the peer is told by the end of the connection.
func (n native) release(free func()) { free() }
