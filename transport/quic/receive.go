package quic

import (
	"errors"
	"io"
	"sync"

	"github.com/quic-go/quic-go"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/internal/closing"
	"github.com/twinwire/twinwire/transport/internal/deframe"
)

// Receive reads all lanes; see transport.Carrier. On the server it accepts the
// streams that the client opens and has a goroutine for each; on the client it
// has one for each lane that Send has opened.
func (c *Carrier) Receive(deliver func(lane int, frames []byte) error) error {
	c.mu.Lock()
	if c.deliver != nil {
		c.mu.Unlock()
		return ErrReceiving
	}
	c.deliver = deliver
	for lane, opened := range c.waiting {
		if opened && c.err == nil {
			c.startReading(c.lanes[lane].stream.Load(), lane)
		}
	}
	c.mu.Unlock()
	if c.client {
		select {
		case <-c.ended:
		case <-c.link.done():
			c.end(c.link.lost(nil), nil)
		}
	} else {
		c.accept()
	}
	c.readers.Wait()
	return c.cause()
}

// accept accepts streams until the carrier ends.
func (c *Carrier) accept() {
	for {
		s, err := c.link.accept()
		if err != nil {
			c.failed(err)
			return
		}
		// It ends with the connection, and Receive waits for it.
		c.startReading(s, -1)
	}
}

// read starts the reader of a lane that this side has opened, or leaves that
// to Receive. The reader ends with the connection, and Receive waits for it.
func (c *Carrier) read(lane int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
	case c.deliver == nil:
		c.waiting[lane] = true
	default:
		c.startReading(c.lanes[lane].stream.Load(), lane)
	}
}

// Handover lets another goroutine go on receiving a lane; see
// transport.Handover.
func (c *Carrier) Handover(lane int, deliver func(lane int, frames []byte) error) func() error {
	r := c.lanes[lane].in.handOver()
	c.lanes[lane].in = r
	return func() error {
		c.readLane(r, lane, deliver)
		return nil
	}
}

// startReading has a stream read. The lane is -1 if the first frame has to tell
// it. Receive waits for that.
func (c *Carrier) startReading(s *pipe, lane int) {
	c.readers.Add(1)
	go c.readLane(&reader{stream: s}, lane, c.deliver)
}

// readLane delivers one lane until the carrier ends, and ends it for what is
// wrong with the stream, or until another goroutine goes on, for which Receive
// then waits instead.
func (c *Carrier) readLane(r *reader, lane int, deliver func(lane int, frames []byte) error) {
	defer func() {
		r.release()
		if !r.over {
			c.readers.Done()
		}
	}()
	if lane >= 0 {
		c.lanes[lane].in = r
	}
	for first := true; ; first = false {
		frames, err := r.next(lane < 0)
		if err != nil {
			switch {
			case errors.As(err, new(violation)):
				c.violated(err)
			case errors.Is(err, quic.Err0RTTRejected):
				// Another stream takes the place of this one.
			default:
				c.failed(err)
			}
			return
		}
		if lane < 0 {
			lane, _ = deframe.Opening(frames) // next has checked it
			if !c.use(lane, r.stream.(*pipe)) {
				c.violated(errTwice)
				return
			}
			c.lanes[lane].in = r
		}
		if c.info.Early && !c.client && !(first && lane == 0) && !c.prove() {
			c.end(c.link.lost(nil), nil)
			return
		}
		select {
		case <-c.ended:
			return
		default:
		}
		switch err := deliver(lane, frames); {
		case errors.Is(err, transport.ErrHandedOver):
			return
		case err != nil:
			code, reason := closing.Undelivered(err)
			c.close(err, code, reason)
			return
		}
	}
}

// A violation is an error of the peer. Its text is fit to be sent.
type violation struct{ error }

// Two sizes of buffers. A lane that waits has none; one that waits for the
// rest of a frame has a small one until more than that has arrived, so that a
// peer cannot hold a large one by announcing what it does not send.
const (
	smallBuffer = 4 << 10
	largeBuffer = frame.MaxBatch
)

var (
	smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

// A stream is what a reader needs of a pipe.
type stream interface {
	io.Reader
	// Peek waits for len(b) bytes and does not consume them.
	Peek(b []byte) (int, error)
}

// A reader takes whole frames out of a stream.
type reader struct {
	stream stream
	one    [1]byte

	small *[smallBuffer]byte // one of both, or none
	large *[largeBuffer]byte
	buf   []byte // the whole buffer
	n     int    // bytes in it
	taken int    // bytes at its start that were returned by next
	full  bool   // the last read filled it: there is more
	over  bool   // another one goes on
}

// next waits for frames and returns all that have arrived, which are valid
// until it is called again. Where the stream opens a lane it does not wait for
// the rest of a frame that may not stand there.
func (r *reader) next(opening bool) ([]byte, error) {
	r.n = copy(r.buf, r.buf[r.taken:r.n])
	r.taken = 0
	for {
		if err := r.room(); err != nil {
			return nil, err
		}
		m, err := r.stream.Read(r.buf[r.n:])
		r.n += m
		r.full = r.n == len(r.buf)
		if opening {
			if _, err := deframe.Opening(r.buf[:r.n]); err != nil {
				return nil, violation{err}
			}
		}
		whole, _, bad := deframe.Whole(r.buf[:r.n])
		switch {
		case bad != nil:
			return nil, violation{bad}
		case whole > 0:
			// An error of the stream comes back with the next read.
			r.taken = whole
			return r.buf[:whole], nil
		case err == io.EOF:
			return nil, violation{errEnded}
		case err != nil:
			return nil, err
		}
	}
}

// handOver returns a reader for what r has not returned, while what it has
// returned is still in use.
func (r *reader) handOver() *reader {
	r.over = true
	s := &reader{stream: r.stream, full: r.full}
	if left := r.buf[r.taken:r.n]; len(left) > 0 {
		s.large = largeBuffers.Get().(*[largeBuffer]byte)
		s.buf = s.large[:]
		s.n = copy(s.buf, left)
	}
	return s
}

// room makes room for more, and waits without a buffer if there is nothing to
// keep.
func (r *reader) room() error {
	switch {
	case r.n == 0:
		r.release()
		if _, err := r.stream.Peek(r.one[:]); err != nil {
			if err == io.EOF {
				err = violation{errEnded}
			}
			return err
		}
		if r.full {
			r.large = largeBuffers.Get().(*[largeBuffer]byte)
			r.buf = r.large[:]
		} else {
			r.small = smallBuffers.Get().(*[smallBuffer]byte)
			r.buf = r.small[:]
		}
	case r.full && r.small != nil:
		large := largeBuffers.Get().(*[largeBuffer]byte)
		n := copy(large[:], r.buf[:r.n])
		r.release()
		r.large, r.buf, r.n = large, large[:], n
	}
	return nil
}

// release gives the buffer back.
func (r *reader) release() {
	if r.small != nil {
		smallBuffers.Put(r.small)
	}
	if r.large != nil {
		largeBuffers.Put(r.large)
	}
	r.small, r.large, r.buf, r.n = nil, nil, nil, 0
}
