package core

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/twinwire/twinwire/codec"
)

// CallValues calls a method of the peer that answers with any number of
// values, and yields them in their order. Nothing is sent before the iterator
// is ranged over, and each range is a call of its own. The outcome of the call
// comes after the last value: if it is an error, that is yielded last, with a
// zero value. It is as for [Session.Call].
//
// Leaving the loop early cancels the call. The iterator returns when the
// source, which may be nil, is left as well; it is sent by another goroutine
// meanwhile. An M is what carries a value, and at says where in it: see
// [ValueSource].
func CallValues[T, M any, P Message[M]](ctx context.Context, s *Session, method string, args codec.Marshaler, source *Source, at func(*M) *T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		x, err := s.Begin(ctx, method, args)
		if err != nil {
			yield(zero, err)
			return
		}
		up := x.start(source)
		defer up.wait()
		defer x.end() // also if the body of the loop panics
		r := x.Reader(0)
		defer r.Close() // what was not taken is not to count any more, also if the answer is here
		more, err := receiveValues[T, M, P](r, at, yield)
		if !more {
			return
		}
		if err := up.outcome(x.resultAfter(r, err)); err != nil {
			yield(zero, err)
		}
	}
}

// RequestValues yields the values that the caller sends, in their order. An
// error is yielded last, with a zero value: what the caller's source failed
// with, that of a value which is not what was expected, or that of the
// request's context. Leaving the loop early stops the caller's source. It can
// be ranged over once, before the handler returns.
func RequestValues[T, M any, P Message[M]](r *Request, at func(*M) *T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		in := r.Reader(0)
		more, err := receiveValues[T, M, P](in, at, yield)
		switch {
		case !more:
			_ = in.Close()
		case err != nil:
			in.CloseWith(err)
			var zero T
			yield(zero, err)
		}
	}
}

// ReplyValues answers with values until there are no more. The error is what
// the handler shall return: the one that was yielded, which reaches the caller
// after the values before it, or nil. When the caller wants no more the loop
// over values ends as by a break. When the request's context is over the error
// is that of the context, also if values ended without one, as the caller would
// take what it has got for all there is.
func ReplyValues[T, M any, P Message[M]](r *Request, p Priority, values iter.Seq2[T, error], at func(*M) *T) error {
	w := r.Writer(0, p)
	failed, err := sendValues[T, M, P](w, values, at)
	switch {
	case errors.Is(err, ErrStopped):
		return nil
	case err != nil && w.isOver():
		return err
	case err != nil:
		failed = errors.New(err.Error()) // not the caller's fault, whatever its code
	}
	_ = w.Close() // what was sent arrives before the error
	if failed == nil {
		return r.context().Err()
	}
	return failed
}

// sendValues sends values until their end. It returns what they failed with,
// or else why the next could not be sent.
func sendValues[T, M any, P Message[M]](w *StreamWriter, values iter.Seq2[T, error], at func(*M) *T) (failed, err error) {
	m := new(M)
	for v, failed := range values {
		if failed != nil {
			return failed, nil
		}
		*at(m) = v
		if err := w.Send(P(m)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// receiveValues yields values until their end, where err is nil, or an error.
// It reports whether more may be yielded.
func receiveValues[T, M any, P Message[M]](r *StreamReader, at func(*M) *T, yield func(T, error) bool) (more bool, err error) {
	var empty M
	m := new(M)
	for {
		*m = empty // or values would share memory
		switch err := r.Receive(P(m)); err {
		case nil:
		case io.EOF:
			return true, nil
		default:
			return true, err
		}
		if !yield(*at(m), nil) {
			return false, nil
		}
	}
}

// resultAfter returns the outcome of a call whose stream r has ended, with err
// if it was read no further. What cannot be read ends the call.
func (x *Exchange) resultAfter(r *StreamReader, err error) error {
	if err != nil && !r.isOver() {
		x.Cancel()
		return err
	}
	if outcome := x.Result(nil); outcome != nil {
		return outcome
	}
	return err
}
