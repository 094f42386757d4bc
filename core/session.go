package core

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/twinwire/twinwire"
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
	// Compression is what payloads of more than 512 bytes may be compressed
	// with: the first of a server's that the client has too. None means that
	// nothing is compressed.
	Compression []Compression
	// Services are what the peer may call. Method names must be unique.
	Services []*Service
	// Reconnect has a client go on when it has lost its carrier: it is called
	// in a goroutine of its own, and is to dial, to Greet with the session and
	// to Accept the offer, or to end the session. Nil means that sessions end
	// with their carrier.
	Reconnect func(s *Session, cause error)
	// NetworkChanged, unless nil, is told of each Session.NetworkChanged of a
	// client. It must not block.
	NetworkChanged func(s *Session)
	// Leaves says that a client's program begins a session with another server
	// when it is told that this one is about to stop (Leaving), and ends this one
	// by CloseWhenQuiet: a server that drains then goes on serving for a while.
	Leaves bool
	// Interceptors see every call and message of the peer, the first one first.
	Interceptors []Interceptor
	// CallInterceptors see every call and message of this side, the first one
	// first.
	CallInterceptors []CallInterceptor
	// Heartbeat is the interval of clause 8.1. Zero means 15 s on WebSocket
	// and 10 s elsewhere; it is at least 10 ms and at most a day. The server's
	// counts.
	Heartbeat time.Duration
	// Logger gets what goes wrong behind a peer's back: panics, errors without
	// a code, protocol errors. Nil means DefaultLogger().
	Logger Logger
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
	leaves bool // the client goes elsewhere when this server drains
	peer   Hello
	limits *Limits
	// peerMaxMessage is the largest message that the peer accepts.
	peerMaxMessage int
	mux            *Mux
	host           host    // nil at a client
	invoke         Invoker // nil without interceptors
	log            Logger
	rate           *rate.Limiter // of what the peer begins; nil for any number
	counts         *Counts       // nil at a client
	packer         *packer       // nil if nothing is compressed
	began          time.Time

	// instances are the services' values of this session, and openErr why
	// there are none. They are written before the first request is served.
	instances []any
	openErr   error

	// recvMu is held while what arrived is carried out, so that it is carried
	// out in the order in which the machine accepted it, on all lanes.
	recvMu sync.Mutex

	mu      sessionLock
	m       *machine.Machine
	bind    *binding // nil while there is none
	keep    *keeper  // nil if the session ends with its carrier
	watches bool     // the machine has a watchdog; immutable
	ending  bool     // a goodbye was begun
	ended   bool
	gone    bool  // its end has been told to everybody
	step    *step // the newest change of its life (lifecycle.go)
	timer   *time.Timer
	armed   time.Duration   // when the timer fires
	topics  int             // subscriptions that have not ended
	emitted string          // the type of event that was emitted last
	err     error           // why it ended; nil before
	done    chan struct{}   // closed when gone is set; nil until somebody asks for it
	ctx     context.Context // ends with the session; nil until somebody asks for it
	cancel  context.CancelCauseFunc
	onEnd   []*endHook
	expiry  time.Time   // when it ends without a renewal; zero for never
	expirer *time.Timer // a server's; nil if it does not end by itself
	renews  *renewing   // nil while no renewal is under way

	room      chan struct{}  // closed when messages can be queued again; nil while nobody waits
	transfers *transfers     // nil until files are received
	held      []*StateWriter // states with changes that are sent later
	quiet     *goodbye       // what to say when nothing is under way; nil for nothing
	heard     chan struct{}  // closed when something arrives; nil while nobody waits

	principal atomic.Pointer[Principal] // written with mu
	holds     atomic.Bool               // held is not empty; written with mu
	leads     atomic.Bool               // the reader may serve (lead.go)
	over      atomic.Bool               // ctx has ended, or would have
	work      workers
	inbox     inbox
	pendings  sync.Pool
	sizes     size // of arguments

	writers sync.WaitGroup
}

// newSession returns a session whose handshake is complete. The caller runs
// its carrier.
func newSession(cfg *Config, mux *Mux, limits *Limits, rules *machine.Rules, carrier transport.Carrier, own, peer *hello, trip time.Duration, packer *packer, counts *Counts) *Session {
	client := counts == nil
	s := &Session{
		cfg: cfg, client: client, peer: peer.Hello, leaves: !client && peer.leaves,
		limits: limits, mux: mux, log: cfg.Logger,
		began: time.Now(), counts: counts, packer: packer,
	}
	s.mu.init(s)
	if s.limits.Rate > 0 {
		s.rate = rate.NewLimiter(rate.Limit(s.limits.Rate), s.limits.RateBurst)
	}
	if s.log == nil {
		s.log = DefaultLogger()
	}
	// Until begin has opened the services, which end waits for.
	s.work.paused, s.work.serve = true, s.serve
	s.work.wg.Add(1)
	s.bind = newBinding(s, carrier)
	s.leads.Store(s.bind.lead.carrier != nil)
	s.steppedLocked(Change{Phase: Connected}) // nobody else knows s yet
	welcome := own
	if client {
		welcome = peer
	}
	s.id = welcome.session
	if client {
		s.expiry = peer.expires
	}
	if len(cfg.CallInterceptors) > 0 {
		s.invoke = chainCalls(cfg.CallInterceptors, s.callOutgoing)
	}
	s.peerMaxMessage = peer.window.MaxMessage
	s.inbox.init(s.limits.UnreadBytes)
	retention := 0
	if keep := min(own.keep, peer.keep); keep > 0 {
		retention = s.limits.RetainedBytes
		s.keep = &keeper{s: s, time: keep}
		if client {
			s.keep.reconnect, s.keep.first = cfg.Reconnect, &first{own, peer}
			s.keep.ticket.Adopt(*welcome.token, machine.Attempt(NewAttempt()))
		}
	}
	s.watches = client && retention > 0
	datagram, copies := s.bind.sizes()
	s.m = machine.New(machine.Config{
		Client: client, Generation: welcome.generation, Lanes: min(own.lanes, peer.lanes),
		Independent: s.step.Wire.Independent, Peer: peer.window, Heartbeat: welcome.heartbeat,
		Retention: retention, Watchdog: s.watches, Trip: trip,
		Latest: slices.Contains(welcome.features, featureLatest), Early: leading && slices.Contains(welcome.features, featureEarly), Datagram: datagram, Copies: copies,
		Inflate: packer.inflater(), NewStream: s.newReader, Rules: rules,
	}, 0)
	return s
}

// newRules returns what the machines of one end's sessions have in common.
func newRules(mux *Mux, limits *Limits, counts *Counts) *machine.Rules {
	return &machine.Rules{
		Own:            limits.window(),
		MaxQueuedCalls: limits.QueuedCalls, MaxQueuedBytes: limits.QueuedBytes,
		MaxReplyBytes: limits.ReplyBytes, MaxEventBytes: limits.EventBytes,
		MaxStateBytes: limits.StateBytes, MaxStates: limits.States, StateRate: limits.StateRate,
		MaxStream: limits.StreamBytes, MaxStreams: limits.StreamsBytes,
		Limited: counts.limited(), Resolve: mux.resolve, NewInbound: newInbound, NewChunk: newChunk, FreeChunk: freeChunk,
		Rooms: machine.Rooms{New: newRoom, Free: freeRoom},
	}
}

// now is the machine's time.
func (s *Session) now() time.Duration { return time.Since(s.began) }

// isClient reports whether this is the client's end, which that of a page always
// is: it need not load the code of the other.
func (s *Session) isClient() bool { return !leading || s.client }

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
	return s.step.Wire
}

// Context returns a context that ends with the session. Its cause is why.
func (s *Session) Context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		s.ctx, s.cancel = context.WithCancelCause(context.WithValue(context.Background(), sessionKey{}, s))
		if s.over.Load() {
			s.cancel(s.err)
		}
	}
	return s.ctx
}

// Done returns a channel that is closed when the session has ended.
func (s *Session) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil {
		if s.gone {
			return closedChan
		}
		s.done = make(chan struct{})
	}
	return s.done
}

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
		s.kick(background)
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

// abortApart is abort for who may hold locks that others want: a carrier takes
// its time to say goodbye to a peer that does not read.
func (s *Session) abortApart(err error) {
	if !leading { // a page closes at once
		s.abort(err)
		return
	}
	s.mu.Lock()
	first := s.err == nil
	if first && s.bind != nil && !s.ended {
		s.err = err
	}
	s.mu.Unlock()
	if first {
		go s.abort(err)
	}
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
