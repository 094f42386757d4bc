package core

import (
	"context"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/internal/machine"
)

// An Exchange is a call with streams, at the caller (clause 12). It is over
// when its outcome is known; until then its streams carry what either side
// has to say. Its methods may be called from any goroutine.
type Exchange struct {
	s    *Session
	ctx  context.Context
	p    *pending
	stop func() bool // stops watching ctx

	started chan struct{} // closed when the call was given to the machine, or failed to be
	settled chan struct{} // closed when ended is known
	ended   error         // how the call ended; nil if well
	done    chan struct{} // closed when the interceptors are done too
	err     error         // what they made of ended

	// Guarded by the session's mu.
	over bool // ended is about to be known
}

// Session returns the session that the call is made in.
func (x *Exchange) Session() *Session { return x.s }

// Begin begins a call with streams and returns without waiting for anything.
// The error is that of a call that did not begin. The exchange has to be ended
// by [Exchange.Result], by [Exchange.Cancel], or by ctx.
func (s *Session) Begin(ctx context.Context, method string, args codec.Marshaler) (*Exchange, error) {
	x := &Exchange{s: s, done: make(chan struct{}), settled: make(chan struct{})}
	if s.invoke == nil {
		if err := x.begin(ctx, method, args); err != nil {
			return nil, err
		}
		x.done = x.settled
		return x, nil
	}
	// Interceptors stand around all of the call. The goroutine ends with it.
	x.started = make(chan struct{})
	go func() {
		defer close(x.done)
		x.err = errExited // if an interceptor ends this goroutine
		x.err = s.intercept(ctx, &Outgoing{Method: method, Args: args, Streams: true, exchange: x})
	}()
	select {
	case <-x.started:
		return x, nil
	case <-x.done:
		if x.err == nil {
			return nil, twinwire.NewError(twinwire.Canceled, "an interceptor answered a call with streams by itself")
		}
		return nil, x.err
	}
}

// begin gives the call to the machine.
func (x *Exchange) begin(ctx context.Context, method string, args codec.Marshaler) error {
	x.ctx = ctx
	x.p = &pending{exchange: x}
	x.p.Owner, x.p.Method = x.p, method
	if err := x.s.start(ctx, x.p, args); err != nil {
		return err
	}
	x.stop = context.AfterFunc(ctx, func() { x.abandon(twinwire.CodeOf(ctx.Err()), contextError(ctx, "after it was sent")) })
	return nil
}

// callExchange is the last Invoker of a call with streams.
func (s *Session) callExchange(ctx context.Context, out *Outgoing) error {
	x := out.exchange
	if err := x.begin(ctx, out.Method, out.Args); err != nil {
		return err
	}
	close(x.started)
	<-x.settled
	return x.ended
}

// finish is called when the machine is done with the call.
func (x *Exchange) finish(c *machine.Call) {
	x.s.mu.Lock()
	if x.over {
		x.s.mu.Unlock()
		return // abandoned
	}
	x.over = true
	x.s.mu.Unlock()
	if !c.Owned {
		c.Reply = append([]byte(nil), c.Reply...)
	}
	c.ReplyMeta = append([]byte(nil), c.ReplyMeta...)
	x.ended = x.p.result(x.s, context.Background(), nil)
	close(x.settled)
}

// abandon ends the exchange before the peer does.
func (x *Exchange) abandon(code twinwire.Code, cause error) {
	s := x.s
	s.mu.Lock()
	if x.over || x.p.Ended() {
		s.mu.Unlock()
		return
	}
	x.over = true
	x.ended = cause
	if out, notRun := s.m.Abandon(&x.p.Call, code); out {
		x.p.reachedOut(notRun, cause)
	}
	readers := x.readersLocked()
	close(x.settled)
	s.kick(caller)
	for _, r := range readers {
		r.mu.Lock()
		r.ended, r.err = true, cause
		r.dropLocked()
		r.mu.Unlock()
		r.signal()
	}
}

func (x *Exchange) readersLocked() (readers []*StreamReader) {
	for _, in := range machine.InStreams(&x.p.Call) {
		readers = append(readers, in.Owner.(*StreamReader))
	}
	return readers
}

// Writer returns the stream to the peer in a slot, at any time the same. The
// priority is that of the first time; [PriorityOf] says what ctx wants.
func (x *Exchange) Writer(slot uint8, p Priority) *StreamWriter {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	out := x.s.m.OpenStream(&x.p.Call, slot, min(p, Bulk))
	if w, ok := out.Owner.(*StreamWriter); ok {
		return w
	}
	return x.s.newWriterLocked(out, x.settled, x.outcome)
}

// Reader returns the stream from the peer in a slot, at any time the same. It
// need not have begun. A stream that nobody takes is stopped by Result.
func (x *Exchange) Reader(slot uint8) *StreamReader {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	r := x.s.m.InStream(&x.p.Call, slot).Owner.(*StreamReader)
	r.take(x.settled, x.outcome)
	return r
}

// Done returns a channel that is closed when the outcome is known.
func (x *Exchange) Done() <-chan struct{} { return x.done }

// Cancel ends the exchange: the peer's handler is told, and both sides'
// streams end. It does nothing once the outcome is known.
func (x *Exchange) Cancel() {
	x.abandon(twinwire.Canceled, &canceledError{what: "call given up", cause: context.Canceled, code: twinwire.Canceled})
	x.stop()
}

// Result waits for the outcome and reads the answer into result, unless that
// is nil. The error is as for [Session.Call]. The outcome comes after the
// streams of the peer: streams that nobody took with Reader are stopped, and
// others must be read to their end or closed by whoever took them. Streams to
// the peer that were not closed stay open.
func (x *Exchange) Result(result codec.Unmarshaler) error {
	x.s.mu.Lock()
	var untaken []*StreamReader
	x.p.Streams = false // what begins now is not wanted
	for _, r := range x.readersLocked() {
		r.mu.Lock()
		if !r.taken {
			untaken = append(untaken, r)
		}
		r.mu.Unlock()
	}
	x.s.mu.Unlock()
	for _, r := range untaken {
		_ = r.Close()
	}
	<-x.done
	x.stop()
	switch {
	case x.err != nil:
		return x.err
	case x.ended != nil:
		return x.ended
	}
	return x.p.result(x.s, x.ctx, result)
}

// outcome returns how the call ended, nil if well. It is called once that is
// known.
func (x *Exchange) outcome() error { return x.ended }

// take hands a reader out to the application.
func (r *StreamReader) take(done <-chan struct{}, cause func() error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.taken {
		r.taken, r.done, r.cause = true, done, cause
	}
}

// Reader returns the stream from the caller in a slot, at any time the same.
// It need not have begun. It is the handler's until the handler returns.
func (r *Request) Reader(slot uint8) *StreamReader {
	s, done := r.session, r.context().Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	reader := s.m.InStream(r.inboundLocked(), slot).Owner.(*StreamReader)
	reader.take(done, func() error { return context.Cause(r.context()) })
	return reader
}

// Writer returns the stream to the caller in a slot, at any time the same. It
// is the handler's until the handler returns: what it has not closed then is
// closed if the handler succeeded, and aborted with its error if not. The
// answer reaches the caller after the streams.
func (r *Request) Writer(slot uint8, p Priority) *StreamWriter {
	s, done := r.session, r.context().Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.m.OpenStream(r.inboundLocked(), slot, min(p, Bulk))
	if w, ok := out.Owner.(*StreamWriter); ok {
		return w
	}
	return s.newWriterLocked(out, done, func() error { return context.Cause(r.context()) })
}
