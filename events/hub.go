package events

import (
	"hash/maphash"
	"runtime/debug"
	"sync"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
)

// Options are the settings of a hub. A nil *Options means the defaults.
type Options struct {
	// Overflow says what happens to the events of a topic when a subscriber
	// does not keep up; the name "" stands for the events of EmitAll and
	// EmitTo. With core.Latest only the newest event of a topic counts: see
	// there. It is asked once for each subscription, and for each event without
	// one, and must be quick; it must not call the hub. Nil means core.DropOldest for every topic. How much may wait is
	// core.Limits.EventBytes of the session.
	Overflow func(topic Topic) core.Overflow
	// Broker connects the hub to those of other servers; nil means none. The
	// hub does not close it.
	Broker Broker
	// Logger gets panics of callbacks and errors of the broker that nobody
	// else is told of. Nil means core.DefaultLogger().
	Logger core.Logger
}

// shards is how many locks share the topics, and the sessions, of a hub.
const shards = 64

// A Hub knows which sessions are subscribed to which topics, and emits events
// to them. The zero Hub is ready to use and has the default options; a Hub must
// not be copied. Its methods may be called from any goroutine, handlers and
// the hooks of a session included.
type Hub struct {
	// Immutable.
	opts   Options
	bridge *bridge // to the broker; nil without one

	topics   [shards]topicShard
	sessions [shards]sessionShard
	order    sync.Mutex // one order of the events to all sessions
	flusher  flusher
	notifier notifier
}

// NewHub returns a hub. With a broker it starts a goroutine, which Close ends.
func NewHub(o *Options) *Hub {
	h := new(Hub)
	if o != nil {
		h.opts = *o
	}
	if h.opts.Broker != nil {
		h.bridge = newBridge(h)
	}
	return h
}

// Close leaves the broker, ends the iterators of Notify and waits for the
// goroutines of the hub. Afterwards nobody can subscribe or emit: that is
// Unavailable. Subscriptions end with their sessions, which Close does not
// touch. Closing twice is harmless.
func (h *Hub) Close() {
	h.notifier.close()
	if h.bridge != nil {
		h.bridge.close()
	}
	h.flusher.wait()
}

// closed returns the error of a hub that was closed.
func (h *Hub) closed() error {
	if h.notifier.closed.Load() {
		return twinwire.NewError(twinwire.Unavailable, "hub is closed")
	}
	return nil
}

func (h *Hub) logger() core.Logger {
	if h.opts.Logger != nil {
		return h.opts.Logger
	}
	return core.DefaultLogger()
}

// overflow asks the options for the policy of a topic.
func (h *Hub) overflow(topic Topic) (o core.Overflow) {
	if h.opts.Overflow != nil {
		h.guard("Options.Overflow", func() { o = h.opts.Overflow(topic) })
	}
	return o
}

// guard runs a callback of the user's; a panic is logged and reported.
func (h *Hub) guard(what string, f func()) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			h.logger().Error("twinwire: callback panicked", "callback", what, "panic", v, "stack", string(debug.Stack()))
		}
	}()
	f()
	return true
}

// seed spreads topics over shards; which one it is does not matter.
var seed = maphash.MakeSeed()

func (h *Hub) topicShard(topic Topic) *topicShard {
	return &h.topics[maphash.String(seed, string(topic))%shards]
}
