package core

import (
	"context"
	"errors"
	"sync"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
)

// Call calls a method of the peer and waits for its answer, which it reads
// into result; a nil result ignores what the answer holds. The error is nil,
// or has a [twinwire.Code]: what the peer answered with; Canceled or
// DeadlineExceeded when ctx is done, which always ends the wait;
// ResourceExhausted when too many calls wait already; TooLarge; Unavailable if
// the session ended and the call did not run, and OutcomeUnknown if the
// session ended and it may have run. A call runs at most once.
//
// A deadline of ctx travels with the call, as do the options in ctx: see
// [WithMetadata], [WithReplyMetadata], [WithPriority], [WithStatus],
// [Unordered] and [Idempotent].
func (s *Session) Call(ctx context.Context, method string, args codec.Marshaler, result codec.Unmarshaler) error {
	if s.invoke != nil {
		return s.intercept(ctx, &Outgoing{Method: method, Args: args, Result: result})
	}
	p := s.pending()
	p.Method, p.OneWay = method, false
	if err := s.start(ctx, p, args); err != nil {
		return err
	}
	return s.await(ctx, p, result)
}

// Send sends a one-way message to the peer. It returns when the message is
// queued; where too much waits already (Limits) it waits for room, until ctx is
// done, unless that is a [NoWait]. The error is that of a message that was not
// sent, as for Call. The peer handles the messages of a session one after another, in their order.
func (s *Session) Send(ctx context.Context, method string, args codec.Marshaler) error {
	if s.invoke != nil {
		return s.intercept(ctx, &Outgoing{Method: method, Args: args, OneWay: true})
	}
	p := s.pending()
	p.Method, p.OneWay = method, true
	return s.start(ctx, p, args)
}

// An Outgoing is a call or message of this side, as its interceptors see it.
type Outgoing struct {
	Method string
	// Args is encoded when the call is sent.
	Args codec.Marshaler
	// Result is where the answer is read into; nil for a message, or to ignore
	// the answer.
	Result codec.Unmarshaler
	// OneWay says that it is a message.
	OneWay bool
	// Streams says that it is a call with streams, which [Session.Begin] began:
	// the invoker returns when it is over.
	Streams bool

	exchange *Exchange
}

// An Invoker makes a call and waits for its answer.
type Invoker func(ctx context.Context, call *Outgoing) error

// A CallInterceptor stands around every call and message of this side. It
// calls next once, or not at all to answer by itself.
type CallInterceptor func(ctx context.Context, call *Outgoing, next Invoker) error

// chainCalls returns the interceptors around last, nil if there are none: the
// Outgoing then need not be allocated.
func chainCalls(interceptors []CallInterceptor, last Invoker) Invoker {
	if len(interceptors) == 0 {
		return nil
	}
	for i := len(interceptors) - 1; i >= 0; i-- {
		f, next := interceptors[i], last
		last = func(ctx context.Context, call *Outgoing) error { return f(ctx, call, next) }
	}
	return last
}

// A pending is a call between call and the machine's answer.
type pending struct {
	machine.Call
	done     chan struct{} // one send: the answer is here, or failed
	status   *Status       // nil if nobody wants to know
	exchange *Exchange     // whose call it is, or nil

	left      leftCall
	abandoned bool   // nobody waits any more; guarded by the session's mu
	args      []byte // the encoded arguments, and then the answer
}

// pending returns one to use, from the session's pool. It is the session's own
// because a channel must not go from one testing/synctest bubble to another.
func (s *Session) pending() *pending {
	if p, ok := s.pendings.Get().(*pending); ok {
		return p
	}
	p := &pending{done: make(chan struct{}, 1)}
	p.Owner = p
	return p
}

// maxPooled is the most that a buffer in a pool may hold: a large message
// must not be kept alive by small ones.
const maxPooled = 32 << 10

func (s *Session) release(p *pending) {
	if cap(p.args) > maxPooled {
		freeRoom(p.args)
		p.args = nil
	}
	if p.Owned {
		freeRoom(p.Reply)
	}
	p.Payload, p.Packed, p.Reply, p.Meta, p.ReplyMeta = nil, nil, nil, nil, nil
	p.abandoned, p.status, p.left = false, nil, leftCall{}
	s.pendings.Put(p)
}

func (s *Session) finishAll(calls []*machine.Call) {
	for _, c := range calls {
		s.finish(c)
	}
}

// finish is called when the machine is done with the call. The one who waits
// takes it from here; the machine knows it no more.
func (s *Session) finish(c *machine.Call) {
	p := c.Owner.(*pending)
	if p.status != nil {
		p.reachedEnd()
	}
	if p.exchange != nil {
		p.exchange.finish(c)
		return
	}
	if p.abandoned || c.OneWay {
		s.release(p)
		return
	}
	if !c.Owned {
		p.args = append(p.args[:0], c.Reply...)
		c.Reply = p.args
	}
	if len(c.ReplyMeta) > 0 {
		c.ReplyMeta = append([]byte(nil), c.ReplyMeta...)
	}
	p.done <- struct{}{}
}

// intercept makes a call by way of the interceptors.
func (s *Session) intercept(ctx context.Context, out *Outgoing) error {
	err := s.invoke(ctx, out)
	callOptionsOf(ctx).status.intercepted(out.OneWay, err)
	return err
}

// callOutgoing is the last Invoker.
func (s *Session) callOutgoing(ctx context.Context, out *Outgoing) error {
	if out.exchange != nil {
		return s.callExchange(ctx, out)
	}
	p := s.pending()
	p.Method, p.OneWay = out.Method, out.OneWay
	if err := s.start(ctx, p, out.Args); err != nil || out.OneWay {
		return err
	}
	return s.await(ctx, p, out.Result)
}

// await waits for the answer to a call and reads it into result. Afterwards p is
// not the caller's any more. What lies between a caller and the wait is small:
// where a thousand of them wait, their stacks are what the caches do not hold.
func (s *Session) await(ctx context.Context, p *pending, result codec.Unmarshaler) error {
	if ctx.Done() == nil {
		<-p.done // which costs half as much
	} else if err := s.awaitUntil(ctx, p); err != nil {
		return err
	}
	err := p.result(s, ctx, result)
	s.release(p)
	return err
}

// awaitUntil waits for the answer, or until ctx is done. After an error p is not
// the caller's any more. It is not inlined, so that who needs no select does not
// have one on its stack.
//
//go:noinline
func (s *Session) awaitUntil(ctx context.Context, p *pending) error {
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return s.abandon(ctx, p)
	}
}

// start gives a call or message to the machine, or leaves that to who has the
// session's lock. After an error p is not the caller's any more.
func (s *Session) start(ctx context.Context, p *pending, args codec.Marshaler) error {
	o := callOptionsOf(ctx)
	err := o.status.begin(p.OneWay)
	if err == nil {
		if err = p.encode(s, ctx, o, args); err == nil {
			err = s.submit(ctx, p, !p.OneWay || o.noWait)
		}
		if err != nil {
			err = o.status.failed(err)
		}
	}
	if err != nil && p.exchange == nil {
		s.release(p)
	}
	return err
}

// submit gives a call or message that is encoded to the machine. A message waits
// for room unless it is not to.
func (s *Session) submit(ctx context.Context, p *pending, noWait bool) error {
	oneWay := p.OneWay // it may be sent, and in use again, at the end
	if oneWay || p.exchange != nil || p.Tracked {
		s.mu.Lock() // what happens to it is told, or goes before it
	} else if !s.mu.lockOrLeave(p) {
		return nil
	}
	var err error = machine.ErrQueueFull // for a message while others wait for room: none overtakes them
	if !oneWay || s.room == nil {
		err = s.m.Start(&p.Call)
	}
	for !noWait && errors.Is(err, machine.ErrQueueFull) {
		if err := s.awaitRoom(ctx); err != nil {
			return err
		}
		err = s.m.Start(&p.Call)
	}
	if err != nil {
		err = s.startError(err)
		s.mu.Unlock()
		return err
	}
	if p.Tracked {
		p.status.reach(Sending, nil) // with mu, so that nothing later is reached before
	}
	who := caller
	if oneWay {
		// Whoever sends a message is about to send more: written by another
		// goroutine, they go together, which doubles the rate.
		who = background
	}
	s.kick(who)
	return nil
}

// startError is the error of a call that the machine does not take. mu is held.
func (s *Session) startError(err error) error {
	if errors.Is(err, machine.ErrEnded) {
		return endedError(s.err)
	}
	return err
}

// awaitRoom waits until messages can be queued again. It is called with mu
// held, and returns with it unless it fails.
func (s *Session) awaitRoom(ctx context.Context) error {
	if s.room == nil {
		s.room = make(chan struct{})
	}
	room := s.room
	s.mu.Unlock()
	select {
	case <-room:
		s.mu.Lock()
		return nil
	case <-ctx.Done():
		return contextError(ctx, "before it was sent")
	}
}

// roomLocked tells those who wait for it that there is room. mu is held.
func (s *Session) roomLocked() {
	if s.room != nil && (s.ended || s.m.Roomy()) {
		close(s.room)
		s.room = nil
	}
}

// encode fills in what the machine needs to know, beside the method.
func (p *pending) encode(s *Session, ctx context.Context, o *callOptions, args codec.Marshaler) error {
	if ctx.Err() != nil {
		return contextError(ctx, "before it was sent")
	}
	if !frame.ValidMethod(p.Method) {
		return badMethod(p.Method)
	}
	prepared, _ := args.(*Prepared)
	shared := prepared != nil && prepared.draft == nil
	if args != nil && !shared {
		to := s.sizes.begin(p.args)
		b, err := args.AppendMsgpack(to)
		if err != nil {
			return &encodeError{"arguments of " + p.Method, err}
		}
		p.args = s.sizes.end(p.args, to, b)
	} else {
		p.args = p.args[:0]
	}
	p.Payload = p.args
	if shared {
		p.Payload = prepared.args // only read
	}
	p.Packed = nil
	switch {
	case o.uncompressed || len(p.Payload) > s.peerMaxMessage:
	case shared:
		p.Packed = s.packer.packShared(p.Payload)
	default:
		p.Packed = s.packer.pack(p.Payload)
	}
	p.Deadline = 0
	if at, ok := ctx.Deadline(); ok && !p.OneWay {
		p.Deadline = max(1, at.Sub(s.began))
	}
	p.Streams = p.exchange != nil
	p.status, p.Tracked = o.status, o.status != nil
	p.Unordered, p.Idempotent, p.Priority = o.unordered, o.idempotent, min(o.priority, Bulk)
	meta, err := o.metadata.appendTo(nil)
	p.Meta = meta
	return err
}

// abandon ends the wait for a call whose context is done. It returns nil if
// the answer came meanwhile, or the call has failed.
func (s *Session) abandon(ctx context.Context, p *pending) error {
	s.mu.Lock()
	if p.Ended() || p.left.err() != nil {
		s.mu.Unlock()
		<-p.done
		return nil
	}
	if out, notRun := s.m.Abandon(&p.Call, twinwire.CodeOf(ctx.Err())); out {
		s.kick(caller)
		err := contextError(ctx, "after it was sent")
		if notRun {
			err = contextError(ctx, "before it was sent")
		}
		p.reachedOut(notRun, err)
		if !p.Tracked { // a reader may be about to tell the status that it was received
			s.release(p)
		}
		return err
	}
	p.abandoned = true
	s.kick(caller)
	return contextError(ctx, "after it was sent")
}

// result reads the answer.
func (p *pending) result(s *Session, ctx context.Context, result codec.Unmarshaler) error {
	if err := p.left.err(); err != nil {
		return err
	}
	if len(p.ReplyMeta) > 0 {
		if o := callOptionsOf(ctx); o.reply != nil {
			*o.reply = parseMetadata(p.ReplyMeta)
		}
	}
	if p.Code != twinwire.Accepted {
		if p.Text != "" {
			return &twinwire.Error{Code: p.Code, Message: p.Text + s.because()}
		}
		return rejection(p.Code, p.Reply)
	}
	if result == nil || len(p.Reply) == 0 {
		return nil
	}
	return decode(p.Reply, result)
}

// because says why the session ended, as part of a sentence.
func (s *Session) because() string {
	if err := s.Err(); err != nil {
		return " (" + err.Error() + ")"
	}
	return ""
}

// decode reads one whole value. What is wrong with it is the peer's doing.
func decode(b []byte, into codec.Unmarshaler) error {
	r := readers.Get().(*codec.Reader)
	r.Reset(b)
	err := into.ReadMsgpack(r)
	if err == nil {
		err = r.Finish()
	}
	r.Reset(nil)
	readers.Put(r) // not one whose message made the program panic
	if err != nil {
		return &decodeError{err}
	}
	return nil
}

var readers = sync.Pool{New: func() any { return codec.NewReader(nil, nil) }}

// An encodeError says that this side's own value cannot be encoded.
type encodeError struct {
	what  string
	cause error
}

func (e *encodeError) Error() string   { return "cannot encode " + e.what + ": " + e.cause.Error() }
func (e *encodeError) Unwrap() []error { return []error{twinwire.BadRequest, e.cause} }

// A decodeError says that what the peer sent is not what was expected.
type decodeError struct{ cause error }

func (e *decodeError) Error() string   { return "cannot decode: " + e.cause.Error() }
func (e *decodeError) Unwrap() []error { return []error{twinwire.BadRequest, e.cause} }

// contextError is the error of a call that ended by its context.
func contextError(ctx context.Context, when string) error {
	return &canceledError{what: "call given up " + when, cause: context.Cause(ctx), code: twinwire.CodeOf(ctx.Err())}
}

type canceledError struct {
	what  string
	cause error
	code  twinwire.Code
}

func (e *canceledError) Error() string   { return e.what + ": " + e.cause.Error() }
func (e *canceledError) Unwrap() []error { return []error{e.code, e.cause} }

// endedError is the error of what cannot begin because the session has ended,
// or is about to.
func endedError(cause error) error {
	if cause == nil {
		return &twinwire.Error{Code: twinwire.Unavailable, Message: "session is closing"}
	}
	return &sessionEndedError{cause}
}

type sessionEndedError struct{ cause error }

func (e *sessionEndedError) Error() string   { return "session has ended: " + e.cause.Error() }
func (e *sessionEndedError) Unwrap() []error { return []error{twinwire.Unavailable, e.cause} }
