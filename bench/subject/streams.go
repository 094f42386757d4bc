package subject

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
)

const (
	methodUpload   = "bench.Upload"
	methodDownload = "bench.Download"
	methodValues   = "bench.Values"
	methodMessage  = "bench.Message"

	abilities = peer.Streams | peer.Values | peer.Messages | peer.Events | peer.Topics
)

// piece is how much of a stream is written at once.
const piece = 64 << 10

// upload answers with how much has arrived.
func (s *twinServer) upload(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
	n, err := io.Copy(counter(s.Bytes), r.Reader(0))
	return codec.Value[int]{V: int(n)}, err
}

func (s *twinServer) download(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
	var size codec.Value[int]
	if err := r.Decode(&size); err != nil {
		return nil, err
	}
	return nil, writePieces(r.Writer(0, core.Bulk), size.V)
}

func (s *twinServer) values(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
	values := r.Reader(0)
	var v blob
	for {
		err := values.Receive(&v)
		if err == io.EOF {
			return nil, nil
		}
		if err == nil {
			err = s.Item(v)
		}
		if err != nil {
			return nil, err
		}
	}
}

func (s *twinServer) message(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
	var v codec.Value[[]byte]
	if err := r.Decode(&v); err != nil {
		return nil, err
	}
	return nil, s.Item(v.V)
}

// counter is where a stream ends.
type counter func(n int)

func (c counter) Write(p []byte) (int, error) {
	c(len(p))
	return len(p), nil
}

func writePieces(w io.Writer, size int) error {
	b := make([]byte, min(size, piece))
	for left := size; left > 0; {
		n, err := w.Write(b[:min(left, len(b))])
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

func (c *conn) Upload(size int) error {
	x, err := c.session.Begin(context.Background(), methodUpload, nil)
	if err != nil {
		return err
	}
	w := x.Writer(0, core.Bulk)
	sent := writePieces(w, size)
	if sent == nil {
		sent = w.Close()
	} else {
		x.Cancel()
	}
	var got codec.Value[int]
	if err := x.Result(&got); err != nil {
		return err
	}
	if sent == nil && got.V != size {
		return fmt.Errorf("subject: %d bytes of a stream of %d arrived", got.V, size)
	}
	return sent
}

func (c *conn) Download(size int, received func(n int)) error {
	x, err := c.session.Begin(context.Background(), methodDownload, codec.Value[int]{V: size})
	if err != nil {
		return err
	}
	n, err := io.Copy(counter(received), x.Reader(0))
	if err != nil {
		x.Cancel()
	}
	if err := errors.Join(err, x.Result(nil)); err != nil {
		return err
	}
	if int(n) != size {
		return fmt.Errorf("subject: %d bytes of a stream of %d arrived", n, size)
	}
	return nil
}

func (c *conn) Values() (peer.Sender, error) {
	x, err := c.session.Begin(context.Background(), methodValues, nil)
	if err != nil {
		return nil, err
	}
	return &valueSender{exchange: x, writer: x.Writer(0, core.Normal)}, nil
}

// valueSender is a stream of values.
type valueSender struct {
	exchange *core.Exchange
	writer   *core.StreamWriter
	value    blob
}

func (s *valueSender) Send(payload []byte) error {
	s.value = payload
	return s.writer.Send(&s.value)
}

func (s *valueSender) Close() error {
	err := s.writer.Close()
	return errors.Join(s.exchange.Result(nil), err)
}

func (c *conn) Messages() (peer.Sender, error) {
	return &messageSender{session: c.session}, nil
}

// messageSender sends one-way messages. Send of a session waits for room.
type messageSender struct {
	session *core.Session
	value   blob
}

func (s *messageSender) Send(payload []byte) error {
	s.value = payload
	return s.session.Send(context.Background(), methodMessage, &s.value)
}

// Close makes a call: what was sent before it arrives before it. The last
// messages may still be on their way to their handler.
func (s *messageSender) Close() error {
	return s.session.Call(context.Background(), methodEcho, &blob{}, nil)
}
