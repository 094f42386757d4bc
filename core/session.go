package core

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/transport"
)

// A Config is what one end brings to its sessions. It must not be changed
// while sessions use it.
type Config struct {
	// Hello is what this end says about itself. Connect is of use to a client
	// only.
	Hello Hello
	// Limits bounds each session; nil means the defaults.
	Limits *Limits
	// Services are what the peer may call. Method names must be unique.
	Services []*Service
	// Reconnect has a client go on when it has lost its carrier: it is called
	// in a goroutine of its own, and is to dial, to Greet with the session and
	// to Accept the offer, or to end the session. Nil means that sessions end
	// with their carrier.
	Reconnect func(s *Session, cause error)
	// ParkedBytes bounds what the sessions of a server that wait for another
	// carrier keep for their clients, all together; beyond it sessions end with
	// their carrier. Zero means 256 MiB, a negative value that none waits that
	// keeps anything.
	ParkedBytes int
	// Interceptors see every call and message of the peer, the first one first.
	Interceptors []Interceptor
	// CallInterceptors see every call and message of this side, the first one
	// first.
	CallInterceptors []CallInterceptor
	// Heartbeat is the interval of clause 8.1. Zero means 15 s on WebSocket
	// and 10 s elsewhere. The server's counts.
	Heartbeat time.Duration
	// Logger gets what goes wrong behind a peer's back: panics, errors without
	// a code, protocol errors. Nil means slog.Default().
	Logger *slog.Logger
}

// A Session is the conversation of one client with one server, and the same
// type at both ends. Its methods may be called from any goroutine.
//
// Locks are taken in this order: recvMu, then one of inbox.mu, workers.mu and
// the mu of a Request's context, then mu, then that of a StreamReader. Nothing
// else that may take a lock is called with mu. A receiver of states or events is
// called with recvMu and inbox.mu.
type Session struct {
	// Immutable.
	cfg    *Config
	id     ID
	client bool
	peer   Hello
	limits Limits
	// peerMaxMessage is the largest message that the peer accepts.
	peerMaxMessage int
	mux            *Mux
	invoke         Invoker // nil without interceptors
	log            *slog.Logger
	began          time.Time
	ctx            context.Context // ends with the session
	cancel         context.CancelCauseFunc

	// instances are the services' values of this session, and openErr why
	// there are none. They are written before the first request is served.
	instances []any
	openErr   error

	// recvMu is held while what arrived is carried out, so that it is carried
	// out in the order in which the machine accepted it, on all lanes.
	recvMu  sync.Mutex
	effects machine.Effects

	mu      sync.Mutex
	m       *machine.Machine
	bind    *binding       // nil while there is none
	info    transport.Info // of the newest one
	keep    *keeper        // nil if the session ends with its carrier
	watches bool           // the machine has a watchdog; immutable
	step    *step          // the newest change of its life (lifecycle.go)
	timer   *time.Timer
	armed   time.Duration // when the timer fires
	ending  bool          // a goodbye was begun
	topics  int           // subscriptions that have not ended
	emitted string        // the type of event that was emitted last
	ended   bool
	err     error // why it ended; nil before
	onEnd   []*endHook

	leads    atomic.Bool // the reader may serve (lead.go)
	work     workers
	inbox    inbox
	pendings sync.Pool

	writers sync.WaitGroup
	done    chan struct{} // closed when the session has ended
}

// inlineBytes is how much may be unacknowledged in a pipe for a goroutine to
// write to it by itself: so little is in the kernel's buffers that the write
// does not block.
const inlineBytes = 16 << 10

// newSession returns a session whose handshake is complete. The caller runs
// its carrier.
func newSession(cfg *Config, mux *Mux, carrier transport.Carrier, own, peer *hello, trip time.Duration, client bool) *Session {
	s := &Session{
		cfg: cfg, client: client, peer: peer.Hello,
		limits: cfg.Limits.withDefaults(), mux: mux, log: cfg.Logger,
		began: time.Now(), done: make(chan struct{}),
	}
	if s.mux == nil {
		s.mux = new(Mux)
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	// Until begin has opened the services, which end waits for.
	s.work.paused, s.work.serve = true, s.serve
	s.work.wg.Add(1)
	s.bind = newBinding(s, carrier)
	s.info = s.bind.info
	s.leads.Store(s.bind.lead.carrier != nil)
	s.steppedLocked(Connected, nil) // nobody else knows s yet
	welcome := own
	if client {
		welcome = peer
	}
	s.id = welcome.session
	s.invoke = chainCalls(cfg.CallInterceptors, s.callOutgoing)
	s.ctx, s.cancel = context.WithCancelCause(context.WithValue(context.Background(), sessionKey{}, s))
	s.peerMaxMessage = peer.window.MaxMessage
	s.inbox.init(s.limits.UnreadBytes)
	retention := 0
	if keep := min(own.keep, peer.keep); keep > 0 {
		retention = s.limits.RetainedBytes
		s.keep = &keeper{s: s, time: keep, generation: welcome.generation}
		if client {
			s.keep.token, s.keep.reconnect = *welcome.token, cfg.Reconnect
		} else {
			s.keep.hash = welcome.token.hash()
		}
	}
	s.watches = client && retention > 0
	s.m = machine.New(machine.Config{
		Client: client, Generation: welcome.generation, Lanes: min(own.lanes, peer.lanes),
		Independent: s.info.Independent, Own: own.window, Peer: peer.window, Heartbeat: welcome.heartbeat,
		MaxQueuedCalls: s.limits.QueuedCalls, MaxQueuedBytes: s.limits.QueuedBytes,
		MaxReplyBytes: s.limits.ReplyBytes, MaxEventBytes: s.limits.EventBytes,
		MaxStateBytes: s.limits.StateBytes, MaxStates: s.limits.States,
		Retention: retention, Watchdog: s.watches, Trip: trip,
		MaxStream: s.limits.StreamBytes, MaxStreams: s.limits.StreamsBytes,
		Resolve: s.mux.resolve, NewInbound: newInbound,
		NewStream: s.newReader, NewChunk: newChunk, FreeChunk: freeChunk,
	}, 0)
	return s
}

// now is the machine's time.
func (s *Session) now() time.Duration { return time.Since(s.began) }

// ID returns the session's id, the same at both ends.
func (s *Session) ID() ID { return s.id }

// Peer returns what the peer said about itself in the hello.
func (s *Session) Peer() Hello { return s.peer }

// Began returns when the session began.
func (s *Session) Began() time.Time { return s.began }

// Transport describes the carrier that the session runs on, or ran on last.
func (s *Session) Transport() transport.Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info
}

// Context returns a context that ends with the session. Its cause is why.
func (s *Session) Context() context.Context { return s.ctx }

// Done returns a channel that is closed when the session has ended.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err returns why the session ended, and nil before. An ordinary end is a
// *transport.CloseError with code Accepted.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Stats are figures of one session.
type Stats = machine.Stats

// Stats returns the session's figures at this moment.
func (s *Session) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.Stats()
}

// String returns the session's id, its wire and the peer's address.
func (s *Session) String() string { return s.id.String()[:8] + " " + s.Transport().String() }

// kick sends what waits. It is called with mu held and returns without. With
// inline the calling goroutine writes itself, one batch, if that cannot block;
// everything else is written by goroutines that end when nothing waits.
func (s *Session) kick(inline bool) {
	s.wakeWritersLocked()
	b := s.bind
	if b == nil || s.ended {
		s.mu.Unlock()
		return
	}
	wake := s.m.Wake() &^ b.writing
	if wake == 0 {
		s.mu.Unlock()
		return
	}
	b.writing |= wake
	own := -1
	for p := range s.m.Pipes() {
		if wake&(1<<p) == 0 {
			continue
		}
		if inline && own < 0 && s.m.Unacknowledged(p) < inlineBytes {
			own = p
			continue
		}
		s.writers.Add(1)
		go s.write(b, p)
	}
	if own < 0 {
		s.mu.Unlock()
		return
	}
	s.writers.Add(1)
	s.mu.Unlock()
	if s.writeBatch(b, own) {
		go s.write(b, own)
		return
	}
	s.writers.Done()
}

// write writes batches of a pipe until nothing waits. It is counted in
// writers, and its end is that nothing waits or that the carrier fails.
func (s *Session) write(b *binding, pipe int) {
	defer s.writers.Done()
	for s.writeBatch(b, pipe) {
	}
}

// batches are buffers for one batch each.
var batches = sync.Pool{New: func() any { return new(batch) }}

type batch [frame.MaxBatch]byte

// writeBatch writes one batch of a pipe and reports whether there is more. If
// not, the pipe is free for others.
func (s *Session) writeBatch(b *binding, pipe int) bool {
	buf := batches.Get().(*batch)
	defer batches.Put(buf)

	s.mu.Lock()
	if s.m.Crowded() {
		// Goroutines that are about to send do so first: what they queue
		// becomes part of this batch, instead of a write of its own. Measured
		// on calls with 64 in flight it doubles what a connection carries. A
		// call that is alone would pay for it with a thread woken up in vain.
		s.mu.Unlock()
		runtime.Gosched()
		s.mu.Lock()
	}
	if s.bind != b {
		b.writing &^= 1 << pipe
		s.mu.Unlock()
		return false
	}
	now := s.now()
	frames := s.m.Batch(pipe, now, buf[:0])
	if s.watches {
		s.arm(now) // what is sent may be waited for
	}
	sent := s.releaseSent()
	s.mu.Unlock()
	var err error
	if len(frames) > 0 {
		err = b.carrier.Send(pipe, frames)
	}
	if err == nil {
		for _, st := range sent {
			st.reach(Sent, nil)
		}
	}
	s.mu.Lock()
	var wake uint32
	if err == nil && !s.ended && s.bind == b {
		wake = s.m.Wake()
	}
	more := wake&(1<<pipe) != 0
	if !more {
		b.writing &^= 1 << pipe
	}
	// A batch may have freed what waits in other pipes.
	others := wake &^ b.writing &^ (1 << pipe)
	b.writing |= others
	for p := 0; others != 0; p, others = p+1, others>>1 {
		if others&1 != 0 {
			s.writers.Add(1)
			go s.write(b, p)
		}
	}
	s.mu.Unlock()
	if err != nil {
		// Receive fails as well, and the binding ends; this makes sure, and
		// says why.
		s.fail(b, carrierError(err))
	}
	return more
}

// releaseSent gives back the buffers of what was sent whole, and returns the
// statuses of what is tracked of it. mu is held.
func (s *Session) releaseSent() (sent []*Status) {
	replies, messages := s.m.Sent()
	for _, v := range replies {
		if r, ok := v.Owner.(*Request); ok {
			r.reply.release()
			r.reply = nil
		}
	}
	for _, c := range messages {
		s.release(c.Owner.(*pending))
	}
	s.wakeWritersLocked()
	for _, c := range s.m.SentTracked() {
		sent = append(sent, c.Owner.(*pending).status)
	}
	return sent
}

// deliver takes frames that arrived. It is called by the carrier.
func (b *binding) deliver(pipe int, frames []byte) error {
	r, err := b.s.receive(b, pipe, frames)
	if r != nil && err == nil {
		return b.serveHere(r)
	}
	return err
}

// receive takes frames that arrived. It returns a request that the caller is
// to serve, if there is one.
func (s *Session) receive(b *binding, pipe int, frames []byte) (*Request, error) {
	s.recvMu.Lock()
	defer s.recvMu.Unlock()
	eff := &s.effects
	eff.Reset()
	s.mu.Lock()
	if s.bind != b {
		s.mu.Unlock()
		return nil, &transport.CloseError{Code: twinwire.Replaced, Reason: replaced}
	}
	now := s.now()
	err := s.m.Receive(pipe, frames, now, eff)
	s.arm(now)
	s.kick(false)
	s.carryOut(b, eff)
	switch {
	case err != nil:
		s.log.Warn("twinwire: peer broke the protocol", "session", s.id.String(), "peer", b.info.RemoteAddr, "error", err)
		return nil, &transport.CloseError{Code: twinwire.CodeOf(err), Reason: reason(err)}
	case eff.Closed:
		s.mu.Lock()
		code, why, retry, _ := s.m.Goodbye()
		s.mu.Unlock()
		s.flushAcks(b)
		return nil, &transport.CloseError{Code: code, Reason: printable([]byte(why)), Remote: true, RetryAfter: retry}
	}
	r := b.lead.next
	b.lead.next = nil
	return r, nil
}

// carryOut does what the machine decided. recvMu is held, mu is not.
func (s *Session) carryOut(b *binding, eff *machine.Effects) {
	for i := range eff.States {
		s.inbox.state(s, &eff.States[i])
	}
	for i := range eff.Events {
		s.inbox.event(s, &eff.Events[i])
	}
	for i := range eff.Data {
		eff.Data[i].Stream.Owner.(*StreamReader).arrived(&eff.Data[i])
	}
	for _, c := range eff.Received {
		c.Owner.(*pending).status.reach(Received, nil)
	}
	for _, c := range eff.Done {
		s.finish(c)
	}
	if len(eff.Start) > 0 {
		s.dispatch(b, eff.Start)
	}
	for _, in := range eff.Dropped {
		in.Owner.(*StreamReader).discard()
	}
	for _, v := range eff.Cancel {
		cause := context.Canceled
		if v.Canceled == twinwire.DeadlineExceeded {
			cause = context.DeadlineExceeded
		}
		v.Owner.(*Request).ctx.end(cause)
	}
}

// arm makes the timer fire when the machine wants the time. mu is held. The
// timer may fire too early, which costs less than setting it for every frame.
func (s *Session) arm(now time.Duration) {
	at := s.m.Deadline()
	if s.ended || s.armed != 0 && s.armed <= at {
		return
	}
	s.armed = at
	if s.timer == nil {
		s.timer = time.AfterFunc(at-now, s.tick)
	} else {
		s.timer.Reset(at - now)
	}
}

// tick is the timer's.
func (s *Session) tick() {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	now := s.now()
	s.armed = 0
	err := s.m.Tick(now)
	if err == nil {
		s.arm(now)
		s.kick(false)
		return
	}
	b := s.bind
	s.mu.Unlock()
	s.fail(b, err)
}

// fail ends a carrier, and so the session if it cannot go on with another,
// with an error.
func (s *Session) fail(b *binding, err error) {
	s.mu.Lock()
	if s.err == nil && !s.ended && s.bind == b {
		s.err = err
	}
	s.mu.Unlock()
	b.close(twinwire.CodeOf(err), reason(err))
}

// abort ends the session with an error.
func (s *Session) abort(err error) {
	s.mu.Lock()
	b := s.bind
	s.mu.Unlock()
	if b != nil {
		s.fail(b, err)
		return
	}
	go s.end(err)
}
