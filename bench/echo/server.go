package echo

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/twinwire/twinwire/bench/peer"
)

var errClosed = errors.New("echo: closed")

// server echoes on every connection and publishes to all of them.
type server struct {
	peer.Tally
	listener listener
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	done     sync.WaitGroup // the accept loop and the connections

	mu     sync.Mutex
	pipes  map[pipe]struct{}
	closed bool

	recipients []pipe // owned by the goroutine that publishes
}

func newServer(l listener) *server {
	s := &server{listener: l, pipes: make(map[pipe]struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.done.Go(s.acceptLoop)
	return s
}

func (s *server) Addr() string { return s.listener.addr() }

// acceptLoop runs until the listener is closed.
func (s *server) acceptLoop() {
	for {
		open, err := s.listener.accept(s.ctx, &s.Tally)
		if err != nil {
			return
		}
		s.done.Go(func() { s.serve(open) })
	}
}

// serve runs until the connection ends. A connection that fails is its
// client's to report.
func (s *server) serve(open func(context.Context) (pipe, error)) {
	p, err := open(s.ctx)
	if err != nil {
		return
	}
	defer p.close()
	if !s.add(p) {
		return
	}
	defer s.remove(p)
	for {
		frame, err := p.read()
		if err != nil || len(frame) < headSize {
			return
		}
		if binary.BigEndian.Uint32(frame) == oneWay {
			err = s.Item(frame[headSize:])
		} else {
			err = p.write([headSize]byte(frame), frame[headSize:])
		}
		if err != nil {
			return
		}
	}
}

func (s *server) add(p pipe) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.pipes[p] = struct{}{}
	}
	return !s.closed
}

func (s *server) remove(p pipe) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pipes, p)
}

// Publish skips connections that have ended.
func (s *server) Publish(event []byte) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errClosed
	}
	s.recipients = s.recipients[:0]
	for p := range s.pipes {
		s.recipients = append(s.recipients, p)
	}
	s.mu.Unlock()
	send, err := s.listener.event(event)
	if err != nil {
		return err
	}
	for _, p := range s.recipients {
		_ = send(p)
	}
	return nil
}

// PublishTo sends what Publish does: whoever subscribes to one topic does to
// all, and events say which they are of.
func (s *server) PublishTo(_ int, event []byte) error { return s.Publish(event) }

func (s *server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.done.Wait()
		return nil
	}
	s.closed = true
	var pipes []pipe
	for p := range s.pipes {
		pipes = append(pipes, p)
	}
	s.mu.Unlock()
	s.cancel()
	s.listener.close()
	for _, p := range pipes {
		p.close()
	}
	s.done.Wait()
	return nil
}
