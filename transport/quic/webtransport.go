package quic

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport/internal/closing"
)

// lingerTime is how long a connection stays open after its session was closed,
// so that the peer learns why: what is queued is dropped with the connection.
const lingerTime = time.Second

// wtConfig is what a peer may do in a session. It must say something of
// everything: Safari on iOS refuses a session otherwise, and a second session
// of a connection is refused.
var wtConfig = webtransport.Config{
	MaxIncomingStreams: frame.MaxLanes, MaxIncomingUniStreams: 1, MaxIncomingData: maxConnWindow,
}

// A session is the link that is a WebTransport session (clause 10.5).
type session struct {
	conn *quic.Conn
	wt   *webtransport.Session
	http *httpConn // on a server, else nil
}

func (s *session) wire() string { return "webtransport" }

func (s *session) open() (*pipe, error) {
	stream, err := s.wt.OpenStream()
	if errors.As(err, new(*webtransport.StreamLimitReachedError)) {
		return nil, new(quic.StreamLimitReachedError)
	}
	if err != nil {
		return nil, err
	}
	return &pipe{&wtStream{Stream: stream}}, nil
}

func (s *session) accept() (*pipe, error) {
	stream, err := s.wt.AcceptStream(context.Background())
	if err != nil {
		return nil, err
	}
	return &pipe{&wtStream{Stream: stream}}, nil
}

func (s *session) close(code twinwire.Code, reason string) {
	if s.http != nil {
		s.http.tells()
	}
	_ = s.wt.CloseWithError(webtransport.SessionErrorCode(code), reason) // always nil
}

func (s *session) done() <-chan struct{} { return s.wt.Context().Done() }

func (s *session) lost(err error) error {
	var closed *webtransport.SessionError
	_, cause := s.wt.OpenStream() // nobody wants one: it is why the session has ended
	switch {
	case errors.As(cause, &closed) && closed.Remote:
		return closing.ByPeer(uint64(closed.ErrorCode), closed.Message)
	case context.Cause(s.conn.Context()) != nil:
		return lost(s.conn, err)
	}
	return fmt.Errorf("quic: WebTransport session lost: %w", errors.Join(cause, err))
}

func (s *session) reset(err error) bool {
	return errors.As(err, new(*webtransport.StreamError)) && s.wt.Context().Err() == nil
}

func (s *session) release(free func()) {
	end := func() {
		_ = s.conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
		free()
	}
	var closed *webtransport.SessionError
	if _, err := s.wt.OpenStream(); !errors.As(err, &closed) || closed.Remote || s.conn.Context().Err() != nil {
		end() // the peer knows
		return
	}
	go func() { // ends in lingerTime
		select {
		case <-s.conn.Context().Done(): // the peer knows
		case <-time.After(lingerTime):
		}
		end()
	}()
}

// A wtStream is a stream of WebTransport that can be waited for.
type wtStream struct {
	*webtransport.Stream

	// Of the reader.
	peeked bool
	first  byte
}

// Peek waits for one byte.
func (s *wtStream) Peek(b []byte) (int, error) {
	var one [1]byte
	for !s.peeked {
		n, err := s.Stream.Read(one[:])
		if n == 0 && err != nil {
			return 0, err
		}
		s.peeked, s.first = n > 0, one[0]
	}
	b[0] = s.first
	return 1, nil
}

// Read returns the byte that was waited for, and what comes behind it the next
// time: it need not be there.
func (s *wtStream) Read(b []byte) (int, error) {
	if !s.peeked {
		return s.Stream.Read(b)
	}
	s.peeked = false
	b[0] = s.first
	return 1, nil
}
