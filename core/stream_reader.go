package core

import (
	"io"
	"sync"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
)

// A StreamReader is a stream of a call, at the side that receives it (clause
// 12): of bytes, by [StreamReader.Read], or of values, by
// [StreamReader.Receive].
//
// What has arrived and was not read waits here; the peer may send as much as
// the stream's window allows, which grows for a reader
// that keeps up, and then has to wait. So a reader that stops reading holds up
// the stream and nothing else.
//
// Close says that the rest is not wanted. One goroutine reads; Close may be
// called at any time.
type StreamReader struct {
	s  *Session
	in *machine.InStream

	done  <-chan struct{} // of the call; set before the reader is handed out
	cause func() error

	wake chan struct{}

	mu     sync.Mutex
	queue  []*machine.Chunk
	begun  bool
	ended  bool
	err    error // of a reset
	closed bool
	taken  bool // the application has it

	// Owned by the goroutine that reads.
	cur   *machine.Chunk
	value []byte // one that did not arrive in one piece
}

// newReader makes the owner of a stream of the peer's. The session's mu is
// held.
func (s *Session) newReader(in *machine.InStream) any {
	return &StreamReader{s: s, in: in, wake: make(chan struct{}, 1)}
}

// arrived takes what came. The session's recvMu is held.
func (r *StreamReader) arrived(d *machine.DataIn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.ended {
		return // given up meanwhile: what comes now has lost what was in front of it
	}
	r.begun = true
	for b := d.Payload; len(b) > 0 && !d.Reset; {
		last := len(r.queue) - 1
		if last < 0 || len(r.queue[last].Free()) == 0 {
			r.queue = append(r.queue, newChunk())
			last++
		}
		n := copy(r.queue[last].Free(), b)
		r.queue[last].Fill(n)
		b = b[n:]
	}
	if d.Last {
		r.ended = true
	}
	if d.Reset {
		r.ended, r.err = true, rejection(d.Code, d.Payload)
		r.dropLocked()
	}
	r.signal()
}

func (r *StreamReader) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *StreamReader) dropLocked() {
	for _, c := range r.queue {
		freeChunk(c)
	}
	r.queue = nil
}

// next makes cur hold something, or returns why there is nothing: io.EOF at
// the end.
func (r *StreamReader) next() error {
	if r.cur != nil {
		if len(r.cur.Bytes()) > 0 {
			return nil
		}
		freeChunk(r.cur)
		r.cur = nil
	}
	over := false
	for {
		r.mu.Lock()
		switch {
		case r.closed:
			r.mu.Unlock()
			return io.ErrClosedPipe
		case len(r.queue) > 0:
			r.cur = r.queue[0]
			copy(r.queue, r.queue[1:])
			r.queue[len(r.queue)-1] = nil
			r.queue = r.queue[:len(r.queue)-1]
			r.mu.Unlock()
			r.consumed(len(r.cur.Bytes()))
			return nil
		case r.ended:
			err := r.err
			r.mu.Unlock()
			if err == nil {
				err = io.EOF
			}
			return err
		}
		r.mu.Unlock()
		if over {
			if err := r.cause(); err != nil {
				return err
			}
			return io.EOF // it did not begin: what did has arrived (clause 12.8)
		}
		select {
		case <-r.wake:
		case <-r.done:
			over = true // what came before counts
		}
	}
}

// waitBegun waits until the stream has begun, and reports false if the call
// was over before.
func (r *StreamReader) waitBegun() bool {
	for over := false; ; {
		r.mu.Lock()
		begun := r.begun || r.closed
		r.mu.Unlock()
		if begun || over {
			return begun
		}
		select {
		case <-r.wake:
		case <-r.done:
			over = true
		}
	}
}

// isOver reports whether nothing more will arrive.
func (r *StreamReader) isOver() bool {
	select {
	case <-r.done:
		return true
	default:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}

// consumed tells the machine. What is in cur counts as consumed: it is at most
// one chunk more than the window says.
func (r *StreamReader) consumed(n int) {
	r.s.mu.Lock()
	r.s.m.ConsumedStream(r.in, n)
	r.s.kick(background)
}

// Read reads what there is, and waits if there is nothing. The error is io.EOF
// at the end; the peer's, if it has aborted the stream; that of the call, if
// it ended before.
func (r *StreamReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := r.next(); err != nil {
		return 0, err
	}
	n := copy(p, r.cur.Bytes())
	r.cur.Drop(n)
	return n, nil
}

// WriteTo writes everything to w, as io.Copy wants it.
func (r *StreamReader) WriteTo(w io.Writer) (int64, error) {
	var n int64
	for {
		switch err := r.next(); err {
		case nil:
		case io.EOF:
			return n, nil
		default:
			return n, err
		}
		k, err := w.Write(r.cur.Bytes())
		r.cur.Drop(k)
		n += int64(k)
		if err != nil {
			return n, err
		}
	}
}

// Receive reads the next value of a stream of values (clause 12.10). The error
// is as for Read; one of a value that is not what v expects leaves the stream
// at the next.
func (r *StreamReader) Receive(v codec.Unmarshaler) error {
	if err := r.next(); err != nil {
		return err
	}
	b := r.cur.Bytes()
	if size, k := frame.Varint(b); k > 0 && size <= uint64(len(b)-k) {
		err := decode(b[k:k+int(size)], v)
		r.cur.Drop(k + int(size))
		return err
	}
	return r.receivePieces(v)
}

// receivePieces reads a value that did not arrive in one piece.
func (r *StreamReader) receivePieces(v codec.Unmarshaler) error {
	var head [8]byte
	n, need := 0, 1
	for n < need {
		if err := r.inside(); err != nil {
			return err
		}
		head[n] = r.cur.Bytes()[0]
		r.cur.Drop(1)
		if n++; n == 1 {
			need = 1 << (head[0] >> 6)
		}
	}
	size, k := frame.Varint(head[:n])
	if k <= 0 || size > uint64(r.s.limits.MessageSize) {
		err := &twinwire.Error{Code: twinwire.TooLarge, Message: "value of a stream is larger than this side accepts"}
		r.CloseWith(err)
		return err
	}
	r.value = r.value[:0]
	for left := int(size); left > 0; left = int(size) - len(r.value) {
		if err := r.inside(); err != nil {
			return err
		}
		b := r.cur.Bytes()
		b = b[:min(left, len(b))]
		r.value = append(r.value, b...)
		r.cur.Drop(len(b))
	}
	err := decode(r.value, v)
	if cap(r.value) > maxPooled {
		r.value = nil
	}
	return err
}

// inside is next within a value, where the stream must not end.
func (r *StreamReader) inside() error {
	err := r.next()
	if err == io.EOF {
		return &decodeError{io.ErrUnexpectedEOF}
	}
	return err
}

// Close says that the rest of the stream is not wanted: what has arrived is
// dropped, and the peer's writer gets ErrStopped. After the end it does
// nothing.
func (r *StreamReader) Close() error {
	r.stop(twinwire.Accepted, nil)
	return nil
}

// CloseWith is Close with an error that the peer's writer gets to see.
func (r *StreamReader) CloseWith(err error) {
	code, text := rejected(err)
	r.stop(twinwire.Code(code), text)
}

func (r *StreamReader) stop(code twinwire.Code, text []byte) {
	r.discard()
	r.s.mu.Lock()
	r.s.m.StopStream(r.in, code, text)
	r.s.kick(background)
}

// discard drops what has arrived and what arrives.
func (r *StreamReader) discard() {
	r.mu.Lock()
	r.closed = true
	r.dropLocked()
	r.mu.Unlock()
	r.signal()
}
