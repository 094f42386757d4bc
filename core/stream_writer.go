package core

import (
	"errors"
	"io"
	"sync"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
)

// A StreamWriter is a stream of a call, at the side that sends it (clause 12):
// of bytes, by [StreamWriter.Write], or of values, by [StreamWriter.Send]. A
// call has up to 256 in each direction, told apart by their slots; slot 0 is
// the one that belongs to the method's signature.
//
// What is written is copied and sent in the background. Not more than 128 KiB
// wait: beyond that Write and Send block until the peer's application has made
// room, and return with an error when the call is over or canceled, the
// peer stops the stream, or it is aborted here. A stream that waits holds up
// nothing else in the session.
//
// Close ends the stream. Its methods may be called from any goroutine, one
// Write or Send at a time; Close and Abort at any time.
type StreamWriter struct {
	s     *Session
	out   *machine.OutStream
	room  chan struct{}
	done  <-chan struct{} // of the call
	cause func() error    // why it is over

	closed bool // here; guarded by the session's mu

	mu    sync.Mutex // for one value after another
	value []byte
}

// ErrStopped is the error of writing to a stream that the peer does not want
// to read to its end.
var ErrStopped = errors.New("peer wants no more of the stream")

// newWriter returns the writer of a stream that this side sends. mu is held.
func (s *Session) newWriterLocked(out *machine.OutStream, done <-chan struct{}, cause func() error) *StreamWriter {
	w := &StreamWriter{s: s, out: out, room: make(chan struct{}, 1), done: done, cause: cause}
	out.Owner = w
	return w
}

// wakeWritersLocked wakes writers whose streams have room again, and who waits to
// send messages if there is room for those. mu is held.
func (s *Session) wakeWritersLocked() {
	for _, out := range s.m.Freed() {
		if w, ok := out.Owner.(*StreamWriter); ok {
			select {
			case w.room <- struct{}{}:
			default:
			}
		}
	}
	s.roomLocked()
}

// Write queues p and returns when all of it is queued, or with an error.
func (w *StreamWriter) Write(p []byte) (int, error) {
	n := 0
	for {
		w.s.mu.Lock()
		if err := w.errLocked(); err != nil {
			w.s.mu.Unlock()
			return n, err
		}
		k := w.s.m.Write(w.out, p)
		n += k
		who := background
		if w.s.m.Waiting(w.out) >= 4*frame.MaxPayload {
			who = promptly // it fills a batch
		}
		if p = p[k:]; len(p) == 0 {
			w.s.kick(who)
			return n, nil
		}
		w.s.m.WantRoom(w.out)
		w.s.kick(who)
		select {
		case <-w.room:
		case <-w.done:
			return n, w.over()
		}
	}
}

// errLocked returns why nothing can be written, or nil.
func (w *StreamWriter) errLocked() error {
	if w.closed {
		return io.ErrClosedPipe
	}
	select {
	case <-w.done:
		return w.over()
	default:
	}
	switch {
	case !w.out.Over():
		return nil
	case w.out.Code == twinwire.Accepted:
		return ErrStopped
	}
	return &streamError{ErrStopped, rejection(w.out.Code, w.out.Text)}
}

// isOver reports whether nothing can be sent any more.
func (w *StreamWriter) isOver() bool {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.errLocked() != nil
}

// over returns why the call is over.
func (w *StreamWriter) over() error {
	if err := w.cause(); err != nil {
		return err
	}
	return ErrStopped
}

// A streamError is a stream that was given up with a code.
type streamError struct{ what, why error }

func (e *streamError) Error() string   { return e.what.Error() + ": " + e.why.Error() }
func (e *streamError) Unwrap() []error { return []error{e.what, e.why} }

// Send queues one value of a stream of values (clause 12.10).
func (w *StreamWriter) Send(v codec.Marshaler) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	const gap = 8 // for the length, which comes first and is known last
	if cap(w.value) < gap {
		w.value = make([]byte, gap, 256)
	}
	b, err := v.AppendMsgpack(w.value[:gap])
	if err != nil {
		return &encodeError{"value of a stream", err}
	}
	w.value = b
	n := len(b) - gap
	if n > w.s.peerMaxMessage {
		return machine.ErrTooLarge
	}
	start := gap - frame.VarintLen(uint64(n))
	frame.AppendVarint(b[:start], uint64(n))
	_, err = w.Write(b[start:])
	if cap(w.value) > maxPooled {
		w.value = nil
	}
	return err
}

// ReadFrom queues what r has until its end, or its error, which it returns. It
// is what io.Copy uses: it reads into the buffers that are sent. What r returns
// is sent without waiting for more.
func (w *StreamWriter) ReadFrom(r io.Reader) (int64, error) {
	var n int64
	for {
		if err := w.wait(); err != nil {
			return n, err
		}
		c := newChunk()
		k, err := r.Read(c.Free())
		c.Fill(k)
		written, over := w.writeChunk(c)
		n += int64(written)
		switch {
		case over != nil:
			return n, over
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		}
	}
}

// writeChunk queues a chunk, which it takes over. One that is mostly empty is
// copied to what waits: a queue of small ones would hold much more than it
// counts.
func (w *StreamWriter) writeChunk(c *machine.Chunk) (int, error) {
	k := len(c.Bytes())
	if k < len(c.Free()) {
		defer freeChunk(c)
		if k == 0 {
			return 0, nil
		}
		return w.Write(c.Bytes())
	}
	w.s.mu.Lock()
	if err := w.errLocked(); err != nil {
		w.s.mu.Unlock()
		freeChunk(c)
		return 0, err
	}
	w.s.m.WriteChunk(w.out, c)
	w.s.kick(background)
	return k, nil
}

// wait waits until there is room for a chunk.
func (w *StreamWriter) wait() error {
	for {
		w.s.mu.Lock()
		err := w.errLocked()
		if err != nil || w.s.m.Room(w.out) > 0 {
			w.s.mu.Unlock()
			return err
		}
		w.s.m.WantRoom(w.out)
		w.s.mu.Unlock()
		select {
		case <-w.room:
		case <-w.done:
		}
	}
}

// Announce begins the stream although there is nothing in it yet, so that the
// peer knows that it will come.
func (w *StreamWriter) Announce() {
	w.s.mu.Lock()
	w.s.m.Announce(w.out)
	w.s.kick(background)
}

// Close ends the stream. It returns at once: what is queued is still sent. The
// error is that of a stream that will not arrive whole.
func (w *StreamWriter) Close() error {
	w.s.mu.Lock()
	if err := w.errLocked(); err != nil {
		w.s.mu.Unlock()
		if err == io.ErrClosedPipe {
			return nil
		}
		return err
	}
	w.closed = true
	w.s.m.EndStream(w.out)
	w.s.kick(background)
	return nil
}

// Abort gives the stream up: the peer reads the code and the text of err, as
// with the error of a handler, in place of an end. What is queued is dropped.
func (w *StreamWriter) Abort(err error) {
	code, text := rejected(err)
	if code == 0 {
		code = uint16(twinwire.Canceled)
	}
	w.s.mu.Lock()
	w.closed = true
	w.s.m.Announce(w.out) // or the peer would go on waiting for its first byte
	w.s.m.ResetStream(w.out, twinwire.Code(code), text)
	w.s.kick(background)
}

// chunks are buffers of streams.
var chunks = sync.Pool{New: func() any { return new(machine.Chunk) }}

func newChunk() *machine.Chunk { return chunks.Get().(*machine.Chunk) }

func freeChunk(c *machine.Chunk) {
	c.Reset()
	chunks.Put(c)
}
