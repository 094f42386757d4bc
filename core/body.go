package core

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/twinwire/twinwire/codec"
)

// CallBody calls a method of the peer that answers with bytes. It returns when
// they begin, although the first may come later, or with the error of a call
// that ended before.
//
// Read returns io.EOF when the call has ended well, and its error, as for
// [Session.Call], when it has not. Close cancels the call unless that is known,
// and has to be called; until then, the call may go on as long as ctx. The
// source, which may be nil, is sent by another goroutine meanwhile: the last
// Read and Close wait for it. One goroutine reads; Close may be called at any
// time.
func (s *Session) CallBody(ctx context.Context, method string, args codec.Marshaler, source *Source) (io.ReadCloser, error) {
	x, err := s.Begin(ctx, method, args)
	if err != nil {
		return nil, err
	}
	b := &body{x: x, r: x.Reader(0), up: x.start(source)}
	if !b.r.waitBegun() {
		if err := b.end(io.EOF); err != io.EOF {
			return nil, err
		}
	}
	return b, nil
}

// A body is what a call answers with.
type body struct {
	x  *Exchange
	r  *StreamReader
	up *sending

	once sync.Once
	err  error // of Read, once the call is over
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil {
		err = b.end(err)
	}
	return n, err
}

// WriteTo implements io.WriterTo.
func (b *body) WriteTo(w io.Writer) (n int64, err error) {
	for {
		if err := b.r.next(); err != nil {
			if err = b.end(err); err == io.EOF {
				err = nil
			}
			return n, err
		}
		k, err := w.Write(b.r.cur.Bytes())
		b.r.cur.Drop(k)
		n += int64(k)
		if err != nil {
			return n, err
		}
	}
}

// end returns the error of Read when the stream has ended with err.
func (b *body) end(err error) error {
	b.once.Do(func() {
		if err == io.EOF {
			err = nil
		}
		if b.err = b.up.outcome(b.x.resultAfter(b.r, err)); b.err == nil {
			b.err = io.EOF
		}
	})
	return b.err
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.x.end()
	_ = b.r.Close()
	b.once.Do(func() {
		b.err = io.ErrClosedPipe
		b.up.wait()
	})
	return nil
}

// ReplyBody answers with what body has until its end, and closes it in any
// case. The caller knows at once that bytes will come. The error is what the
// handler shall return: what Read or Close failed with, which aborts the
// stream, or nil, also when the caller wants no more; and that of the
// request's context if that is over, which a Read that waits has to notice by
// itself.
func (r *Request) ReplyBody(p Priority, body io.ReadCloser) (err error) {
	if body == nil {
		return errors.New("handler returned neither a body nor an error")
	}
	defer func() {
		if e := body.Close(); err == nil {
			err = e
		}
	}()
	w := r.Writer(0, p)
	w.Announce()
	_, err = w.ReadFrom(body)
	switch {
	case err == nil:
		return r.context().Err() // the caller would take what it has got for all there is
	case errors.Is(err, ErrStopped) && w.isOver():
		return nil
	case !w.isOver():
		w.Abort(err)
	}
	return err
}
