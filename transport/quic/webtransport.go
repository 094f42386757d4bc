package quic

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"
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
	// Immutable.
	conn *quic.Conn
	wt   *webtransport.Session
	http *httpConn     // on a server, else nil
	said *http3.Stream // what the session is told with on a server, else nil

	accepting context.Context // ends with leaving
	leave     context.CancelFunc

	mu      sync.Mutex
	streams []*webtransport.Stream // of a server
	left    bool                   // the peer was told that the session is over, which it ends
}

// newSession returns the link of a session; http and said are nil on a client.
func newSession(conn *quic.Conn, wt *webtransport.Session, http *httpConn, said *http3.Stream) *session {
	s := &session{conn: conn, wt: wt, http: http, said: said}
	s.accepting, s.leave = context.WithCancel(context.Background())
	return s
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
	stream, err := s.wt.AcceptStream(s.accepting)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams = append(s.streams, stream)
	if s.left {
		_ = stream.SetDeadline(past)
	}
	return &pipe{&wtStream{Stream: stream}}, nil
}

func (s *session) close(code twinwire.Code, reason string) {
	closed := func() { _ = s.wt.CloseWithError(webtransport.SessionErrorCode(code), reason) } // always nil
	if s.http == nil {
		closed()
		return
	}
	s.http.tells()
	if !s.farewell(code, reason) {
		closed()
		return
	}
	timer := time.AfterFunc(lingerTime, closed)
	context.AfterFunc(s.wt.Context(), func() { timer.Stop() })
}

// farewell tells the peer that the session is over, and leaves its end to the
// peer. CloseWithError ends it on this side, too, with a STOP_SENDING that is put
// in front of what it says; Chromium takes that for a connection that is lost, and
// no page would hear the code. It reports whether that could be sent at once.
func (s *session) farewell(code twinwire.Code, reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.said.TryWriteAll(closeCapsule(code, reason)) != nil || s.said.Close() != nil {
		return false
	}
	s.left = true
	s.leave()
	for _, stream := range s.streams {
		_ = stream.SetDeadline(past) // nobody reads or writes any more
	}
	return true
}

// past is a deadline that ends what waits.
var past = time.Unix(1, 0)

// closeCapsule returns WT_CLOSE_SESSION, as the WebTransport draft has it.
func closeCapsule(code twinwire.Code, reason string) []byte {
	const closeSession = 0x2843
	b := quicvarint.Append(nil, closeSession)
	b = quicvarint.Append(b, uint64(4+len(reason)))
	b = binary.BigEndian.AppendUint32(b, uint32(code))
	return append(b, reason...)
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
