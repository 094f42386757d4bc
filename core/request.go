package core

import (
	"context"
	"sync"
	"time"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/internal/machine"
)

// A Request is a call or message of the peer that is being served. It is the
// handler's until the handler returns. It is also the handler's context.
type Request struct {
	machine.Inbound

	session      *Session
	args         *buffer // what Payload is in, unless it is owned
	reply        *buffer
	meta         Metadata // of the reply
	uncompressed bool     // the reply
	refusal      error    // why it is not served, or nil

	ctx requestContext
}

func newInbound() *machine.Inbound {
	r := new(Request)
	r.Owner = r
	return &r.Inbound
}

// Name returns the name of the method.
func (r *Request) Name() string { return r.Method }

// Session returns the session that the request came in.
func (r *Request) Session() *Session { return r.session }

// Metadata returns the metadata of the request; nil if there is none.
func (r *Request) Metadata() Metadata { return parseMetadata(r.Meta) }

// SetReplyMetadata sets the metadata that travels with the answer. It is of no
// effect once the handler has returned, and for a message.
func (r *Request) SetReplyMetadata(md Metadata) {
	r.ctx.mu.Lock()
	r.meta = md
	r.ctx.mu.Unlock()
}

// replyMetadata returns the metadata string of the reply.
func (r *Request) replyMetadata() ([]byte, error) {
	r.ctx.mu.Lock()
	md := r.meta
	r.ctx.mu.Unlock()
	return md.appendTo(nil)
}

// Decode reads the arguments. Its error is fit to be returned by the handler.
func (r *Request) Decode(into codec.Unmarshaler) error { return decode(r.Payload, into) }

// Raw returns the encoded arguments. They are borrowed: they must not be used
// after the handler has returned. They have not been checked (codec.Check).
func (r *Request) Raw() []byte { return r.Payload }

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
	if b == nil {
		return
	}
	if cap(b.b) > maxPooled {
		freeRoom(b.b)
		b.b = nil
	}
	buffers.Put(b)
}

// A requestContext is the context of a handler. It is part of the Request,
// because a context for each call would otherwise cost as much as the rest of
// the call: the channel and the timer are made when somebody asks for them.
type requestContext struct {
	r *Request

	mu      sync.Mutex
	done    chan struct{}
	err     error
	timer   *time.Timer
	unwatch func() bool // stops watching the session's end
	after   map[*func()]struct{}
}

var (
	_ context.Context = (*requestContext)(nil)

	// closedChan is the Done channel of every context that was over before
	// anybody asked.
	closedChan = func() chan struct{} { c := make(chan struct{}); close(c); return c }()
)

// Deadline returns when the caller's time is up.
func (c *requestContext) Deadline() (time.Time, bool) {
	if c.r.Inbound.Deadline == 0 {
		return time.Time{}, false
	}
	return c.r.session.began.Add(c.r.Inbound.Deadline), true
}

// Done returns the channel that is closed when the request is over.
func (c *requestContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		if c.err != nil {
			c.done = closedChan
		} else {
			c.done = make(chan struct{})
			c.watchLocked()
		}
	}
	return c.done
}

// watchLocked makes the deadline and the session's end end the context by
// themselves.
func (c *requestContext) watchLocked() {
	if c.unwatch != nil {
		return
	}
	c.unwatch = context.AfterFunc(c.r.session.Context(), func() { c.end(context.Canceled) })
	if at, ok := c.Deadline(); ok {
		c.timer = time.AfterFunc(time.Until(at), func() { c.end(context.DeadlineExceeded) })
	}
}

// Err returns why the request is over, or nil.
func (c *requestContext) Err() error {
	c.mu.Lock()
	err := c.err
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if at, ok := c.Deadline(); ok && !time.Now().Before(at) {
		c.end(context.DeadlineExceeded)
	} else if c.r.session.over.Load() {
		c.end(context.Canceled)
	} else {
		return nil
	}
	return c.Err()
}

// Value returns the request and the session for their keys.
func (c *requestContext) Value(key any) any {
	switch key.(type) {
	case requestKey:
		return c.r
	case sessionKey:
		return c.r.session
	}
	return nil
}

// AfterFunc lets package context follow this one without a goroutine.
func (c *requestContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	c.watchLocked()
	if c.after == nil {
		c.after = make(map[*func()]struct{})
	}
	c.after[&f] = struct{}{}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, there := c.after[&f]
		delete(c.after, &f)
		return there
	}
}

// end ends the context, once.
func (c *requestContext) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	if c.done != nil {
		close(c.done)
	}
	if c.unwatch != nil {
		c.unwatch()
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	for f := range c.after {
		go (*f)()
	}
	c.after = nil
}
