package core

import (
	"context"
	"sync"
	"time"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/internal/machine"
)

// A Request is a call or message of the peer that is being served. It is the
// handler's until the handler returns. It is also the handler's context, which
// anybody may have kept: so it is not used again, and small.
type Request struct {
	// in is the rest of it, nil once the handler has returned. It is written
	// with the session's mu, and read with it or by who serves the request.
	in *inbound

	// Immutable once it is served.
	session  *Session
	method   string
	deadline time.Duration // 0 for never
	oneWay   bool
	refused  bool // it is not served

	uncompressed bool   // the reply; guarded by mu
	over         ending // the context's, see requestContext; guarded by mu
	mu           sync.Mutex
	extra        *extra // nil until there is any; guarded by mu
}

// An extra is what most requests do without.
type extra struct {
	meta Metadata      // of the reply
	done chan struct{} // the context's; nil until somebody asks for it

	// Of a context that somebody waits for: unwatch is nil before.
	timer   *time.Timer // nil without a deadline
	unwatch func() bool // stops watching the session's end
	after   map[*func()]struct{}
}

// extraLocked returns what it has beside the usual. mu is held.
func (r *Request) extraLocked() *extra {
	if r.extra == nil {
		r.extra = new(extra)
	}
	return r.extra
}

// An inbound is what a request is made of until it is answered. It is used again
// then: a call would otherwise leave three times as much behind.
type inbound struct {
	machine.Inbound
	request *Request
	args    *buffer // what Payload is in, unless it is owned or borrowed
	reply   *reply  // from the handler's start until it is sent
	refusal error   // why it is not served, or nil
}

var inbounds = sync.Pool{New: func() any { return new(inbound) }}

// release gives it back when the machine is done with it.
func (in *inbound) release() {
	if in.Reusable() {
		*in = inbound{}
		inbounds.Put(in)
	}
}

// inboundLocked returns what the machine knows the request by. The session's mu
// is held.
func (r *Request) inboundLocked() *machine.Inbound {
	if r.in == nil { // the handler has returned
		return machine.Settled()
	}
	return &r.in.Inbound
}

// A reply is what an answer is encoded into and sent from.
type reply struct {
	buffer
	out machine.Answer
}

var replies = sync.Pool{New: func() any { return new(reply) }}

func (r *reply) release() {
	if r != nil {
		r.trim()
		replies.Put(r)
	}
}

func newInbound() *machine.Inbound {
	in := inbounds.Get().(*inbound)
	in.Owner = in
	return &in.Inbound
}

// Name returns the name of the method.
func (r *Request) Name() string { return r.method }

// OneWay reports whether it is a message, which has no answer.
func (r *Request) OneWay() bool { return r.oneWay }

// Session returns the session that the request came in.
func (r *Request) Session() *Session { return r.session }

// Metadata returns the metadata of the request; nil if there is none.
func (r *Request) Metadata() Metadata {
	if r.in == nil {
		return nil
	}
	return parseMetadata(r.in.Meta)
}

// SetReplyMetadata sets the metadata that travels with the answer. It is of no
// effect once the handler has returned, and for a message.
func (r *Request) SetReplyMetadata(md Metadata) {
	r.mu.Lock()
	r.extraLocked().meta = md
	r.mu.Unlock()
}

// replyMetadata returns the metadata string of the reply.
func (r *Request) replyMetadata() ([]byte, error) {
	var md Metadata
	r.mu.Lock()
	if r.extra != nil {
		md = r.extra.meta
	}
	r.mu.Unlock()
	return md.appendTo(nil)
}

// Decode reads the arguments. Its error is fit to be returned by the handler.
func (r *Request) Decode(into codec.Unmarshaler) error { return decode(r.Raw(), into) }

// Raw returns the encoded arguments. They are borrowed: they must not be used
// after the handler has returned. They have not been checked (codec.Check).
func (r *Request) Raw() []byte {
	if r.in == nil {
		return nil
	}
	return r.in.Payload
}

// RequestFrom returns the request that ctx belongs to, if it belongs to a
// handler.
func RequestFrom(ctx context.Context) (*Request, bool) {
	r, ok := ctx.Value(requestKey{}).(*Request)
	return r, ok
}

// SessionFrom returns the session that ctx belongs to, if it belongs to a
// handler or a session.
func SessionFrom(ctx context.Context) (*Session, bool) {
	s, ok := ctx.Value(sessionKey{}).(*Session)
	return s, ok
}

type (
	requestKey struct{}
	sessionKey struct{}
)

// A buffer is a pooled buffer.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func (b *buffer) release() {
	if b != nil {
		b.trim()
		buffers.Put(b)
	}
}

// trim lets go of what is too large to be kept.
func (b *buffer) trim() {
	if cap(b.b) > maxPooled {
		freeRoom(b.b)
		b.b = nil
	}
}

// A requestContext is a Request as the context of its handler, because a
// context for each call would otherwise cost as much as the rest of the call:
// the channel and the timer are made when somebody asks for them.
type requestContext Request

func (r *Request) context() *requestContext { return (*requestContext)(r) }

// An ending is whether a context has ended, and how.
type ending uint8

const (
	notEnded ending = iota
	wasCanceled
	wasLate
)

// err returns the error of a context.
func (e ending) err() error {
	switch e {
	case wasCanceled:
		return context.Canceled
	case wasLate:
		return context.DeadlineExceeded
	}
	return nil
}

var (
	_ context.Context = (*requestContext)(nil)

	// closedChan is the Done channel of every context that was over before
	// anybody asked.
	closedChan = func() chan struct{} { c := make(chan struct{}); close(c); return c }()
)

// Deadline returns when the caller's time is up.
func (c *requestContext) Deadline() (time.Time, bool) {
	if c.deadline == 0 {
		return time.Time{}, false
	}
	return c.session.began.Add(c.deadline), true
}

// Done returns the channel that is closed when the request is over.
func (c *requestContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := (*Request)(c).extraLocked()
	if x.done == nil {
		if c.over != notEnded {
			x.done = closedChan
		} else {
			x.done = make(chan struct{})
			c.watch()
		}
	}
	return x.done
}

// watch makes the deadline and the session's end end the context by
// themselves. mu is held.
func (c *requestContext) watch() *extra {
	x := (*Request)(c).extraLocked()
	if x.unwatch == nil {
		x.unwatch = context.AfterFunc(c.session.Context(), func() { c.end(wasCanceled) })
		if at, ok := c.Deadline(); ok {
			x.timer = time.AfterFunc(time.Until(at), func() { c.end(wasLate) })
		}
	}
	return x
}

// Err returns why the request is over, or nil.
func (c *requestContext) Err() error {
	c.mu.Lock()
	over := c.over
	c.mu.Unlock()
	if over != notEnded {
		return over.err()
	}
	if at, ok := c.Deadline(); ok && !time.Now().Before(at) {
		c.end(wasLate)
	} else if c.session.over.Load() {
		c.end(wasCanceled)
	} else {
		return nil
	}
	return c.Err()
}

// Value returns the request and the session for their keys.
func (c *requestContext) Value(key any) any {
	switch key.(type) {
	case requestKey:
		return (*Request)(c)
	case sessionKey:
		return c.session
	}
	return nil
}

// AfterFunc lets package context follow this one without a goroutine.
func (c *requestContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over != notEnded {
		go f()
		return func() bool { return false }
	}
	x := c.watch()
	if x.after == nil {
		x.after = make(map[*func()]struct{})
	}
	x.after[&f] = struct{}{}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, there := x.after[&f]
		delete(x.after, &f)
		return there
	}
}

// end ends the context, once.
func (c *requestContext) end(how ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over != notEnded {
		return
	}
	c.over = how
	x := c.extra
	if x == nil {
		return
	}
	if x.done != nil {
		close(x.done)
	}
	if x.unwatch == nil {
		return
	}
	x.unwatch()
	if x.timer != nil {
		x.timer.Stop()
	}
	for f := range x.after {
		go (*f)()
	}
	x.after = nil
}
