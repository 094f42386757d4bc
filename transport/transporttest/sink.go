package transporttest

import (
	"sync"
	"testing"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
)

// A sink receives from a carrier and keeps everything, by lane.
type sink struct {
	done chan struct{} // closed when Receive has returned; err is set then
	err  error

	mu      sync.Mutex
	changed sync.Cond
	got     [frame.MaxLanes][]byte
	broken  string // what deliver was given that it must not be given
}

// receive starts to receive from c. The goroutine ends with the carrier.
func receive(c transport.Carrier) *sink {
	return receiveWith(c, func(int, []byte) error { return nil })
}

// receiveWith calls then with everything that was received, without the lock.
func receiveWith(c transport.Carrier, then func(lane int, frames []byte) error) *sink {
	s := &sink{done: make(chan struct{})}
	s.changed.L = &s.mu
	go func() {
		defer close(s.done)
		s.err = c.Receive(func(lane int, frames []byte) error {
			s.add(lane, frames)
			return then(lane, frames)
		})
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	}()
	return s
}

func (s *sink) add(lane int, frames []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(frames) == 0 {
		s.broken = "deliver was called without frames"
	}
	for b := frames; len(b) > 0; {
		n, err := frame.Size(b)
		if err != nil || n == 0 || n > len(b) {
			s.broken = "deliver was called with a part of a frame"
			break
		}
		b = b[n:]
	}
	s.got[lane] = append(s.got[lane], frames...)
	s.changed.Broadcast()
}

// wait waits until the lane has n bytes and returns what it has. The watchdog
// bounds it.
func (s *sink) wait(t *testing.T, lane, n int) []byte {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.got[lane]) < n {
		select {
		case <-s.done:
			t.Fatalf("carrier ended with %d of %d bytes of lane %d: %v", len(s.got[lane]), n, lane, s.err)
		default:
		}
		s.changed.Wait()
	}
	if s.broken != "" {
		t.Fatal(s.broken)
	}
	return s.got[lane]
}

// end waits for Receive and returns its error, which must not be nil.
func (s *sink) end(t *testing.T) error {
	t.Helper()
	<-s.done
	if s.err == nil {
		t.Fatal("Receive returned nil")
	}
	return s.err
}
