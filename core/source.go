package core

import (
	"context"
	"io"
	"iter"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
)

// A Source is what a call sends to the peer in slot 0, the stream that belongs
// to the method's signature: values, see [ValueSource], or bytes, see
// [ByteSource]. It is sent with the priority of the call's context, or that of
// its kind.
//
// A source that fails aborts the stream: the peer's handler is told the code
// and the text of the error, in place of an end, and may not see what came
// directly before it. The error is that of the call as well, together with the
// outcome if that is an error too. When the peer wants no more, or the call is
// over, the source is left where it is: that is no error of its own. A source
// that waits for something itself should stop doing so when the context of the
// call is done, for the call does not return before.
type Source struct {
	priority Priority // for a context that has none
	send     func(w *StreamWriter) error
}

// A Message is a pointer to a type that is encoded and decoded.
type Message[M any] interface {
	*M
	codec.Marshaler
	codec.Unmarshaler
}

// ValueSource returns a source of values, which are ranged over once for each
// call. An M is what carries a value, and at says where in it: so
// codec.Value[uint32] carries numbers, and its V is where. The first error that
// is yielded ends the values. Nil is a source of nothing.
func ValueSource[T, M any, P Message[M]](values iter.Seq2[T, error], at func(*M) *T) *Source {
	return &Source{Normal, func(w *StreamWriter) error {
		if values == nil {
			return nil
		}
		failed, err := sendValues[T, M, P](w, values, at)
		if failed != nil {
			return failed
		}
		return err
	}}
}

// ByteSource returns a source of what body has until its end. Nil is a source
// of nothing.
func ByteSource(body io.Reader) *Source {
	return &Source{Bulk, func(w *StreamWriter) error {
		if body == nil {
			return nil
		}
		_, err := w.ReadFrom(body)
		return err
	}}
}

// CallSource is Call of a method that takes a stream and returns its results
// when it has seen enough of it, also before its end. The source is used by
// the goroutine that calls.
func (s *Session) CallSource(ctx context.Context, method string, args codec.Marshaler, result codec.Unmarshaler, source *Source) error {
	x, err := s.Begin(ctx, method, args)
	if err != nil {
		return err
	}
	defer x.end() // a source may panic
	failed := x.send(source)
	return withSource(failed, x.Result(result))
}

// send sends a source and returns what it failed with, nil if the stream was
// over before.
func (x *Exchange) send(source *Source) error {
	w := x.Writer(0, PriorityOf(x.ctx, source.priority))
	err := source.send(w)
	switch {
	case err == nil:
		_ = w.Close() // the outcome says why it will not arrive
	case w.isOver():
		return nil
	default:
		w.Abort(err)
	}
	return err
}

// end ends an exchange of which nothing more is wanted, and waits for its
// interceptors.
func (x *Exchange) end() {
	x.Cancel()
	<-x.done
}

// A sending is a source that is sent by a goroutine of its own.
type sending struct {
	done     chan struct{}
	failed   error
	panicked any
}

// start sends a source, or nothing if it is nil, while the peer's stream is
// read. The goroutine ends with the source, or when the call does and the
// source notices; whoever started it waits.
func (x *Exchange) start(source *Source) *sending {
	s := &sending{done: make(chan struct{})}
	if source == nil {
		close(s.done)
		return s
	}
	go func() {
		defer close(s.done)
		sent := false
		defer func() {
			if !sent {
				s.panicked = recover()
				x.Cancel()
			}
		}()
		s.failed = x.send(source)
		sent = true
	}()
	return s
}

// wait waits for the goroutine. A panic of the source goes on here.
func (s *sending) wait() {
	<-s.done
	if v := s.panicked; v != nil {
		s.panicked = nil
		panic(v)
	}
}

// outcome waits, and returns the error of a call that ended with err.
func (s *sending) outcome(err error) error {
	s.wait()
	return withSource(s.failed, err)
}

// withSource returns the error of a call whose source failed, unless failed is
// nil, and that ended with outcome.
func withSource(failed, outcome error) error {
	switch {
	case failed == nil:
		return outcome
	case outcome == nil:
		return failed
	}
	return &sourceError{failed, outcome}
}

// A sourceError is the error of a source and what came of it.
type sourceError struct{ cause, outcome error }

func (e *sourceError) Error() string {
	if twinwire.CodeOf(e.cause) == twinwire.CodeOf(e.outcome) {
		return e.cause.Error() // the peer said what it had been told
	}
	return e.cause.Error() + ": " + e.outcome.Error()
}

func (e *sourceError) Unwrap() []error { return []error{e.cause, e.outcome} }
