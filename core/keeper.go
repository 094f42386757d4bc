package core

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/transport"
)

// A token proves that a client had a session (clause 14.2). The server keeps a
// hash of it.
type token [32]byte

func newToken() (t token) {
	_, _ = rand.Read(t[:]) // never fails
	return t
}

func (t token) hash() [sha256.Size]byte { return sha256.Sum256(t[:]) }

// LogValue keeps tokens out of logs.
func (t token) LogValue() any  { return "redacted" }
func (t token) String() string { return "redacted" }

// A keeper is what lets a session outlive its carriers (clause 14). It is
// guarded by the session's mu.
type keeper struct {
	s *Session
	// time is how long the session waits for a carrier.
	time  time.Duration
	timer *time.Timer // ends the session; nil while it has a carrier
	cause error       // why the carrier before ended

	// A client's.
	token     token
	reconnect func(s *Session, cause error)

	// A server's: the hash of the token that is good now, and of the one
	// before, which attempt has spent; and the resumption that may come.
	hash, spent [sha256.Size]byte
	attempt     ID
	next        *resumption
	park        *parking
	parked      int    // bytes that it has taken there
	generation  uint64 // the highest that was promised
}

// A parking bounds what the sessions of a server that wait for a carrier keep,
// all together.
type parking struct {
	most  int64
	taken atomic.Int64
}

// take reports whether there is room for n bytes more, and takes it.
func (p *parking) take(n int) bool {
	if p.taken.Add(int64(n)) > p.most {
		p.taken.Add(-int64(n))
		return false
	}
	return true
}

// parkLocked takes room for what the session keeps. A client has as many
// sessions as it likes.
func (k *keeper) parkLocked() bool {
	if k.park == nil {
		return true
	}
	n := k.s.m.Kept()
	if !k.park.take(n) {
		return false
	}
	k.parked = n
	return true
}

// A resumption is a session that is about to go on with another carrier, at
// the server, from its HELLO to its ATTACH.
type resumption struct {
	s          *Session
	attempt    ID
	generation uint64
	token      token // for the next time
	nexts      [frame.MaxLanes]uint64
	told       [frame.MaxLanes]uint64
}

// detachedLocked begins the wait for a carrier.
func (k *keeper) detachedLocked(cause error) {
	k.cause = cause
	k.timer = time.AfterFunc(k.time, k.expire)
	if k.reconnect != nil {
		go k.reconnect(k.s, cause) // ends with the session, or when it goes on
	}
}

// reboundLocked ends the wait.
func (k *keeper) reboundLocked() {
	if k.timer != nil {
		k.timer.Stop()
		k.timer = nil
	}
	if k.parked > 0 {
		k.park.taken.Add(-int64(k.parked))
		k.parked = 0
	}
}

// expire ends a session that nobody came back to.
func (k *keeper) expire() {
	s := k.s
	s.mu.Lock()
	if s.bind != nil || s.ended || k.timer == nil {
		s.mu.Unlock()
		return
	}
	cause := k.cause
	s.mu.Unlock()
	s.end(&lostError{fmt.Errorf("no other carrier within %v: %w", k.time, cause)})
}

// GiveUp ends a session that has no carrier, because none can be had: err is
// why. It is for Config.Reconnect, and does nothing to a session that has one.
func (s *Session) GiveUp(err error) {
	s.mu.Lock()
	detached := s.bind == nil && !s.ended
	s.mu.Unlock()
	if detached {
		s.end(err)
	}
}

// prepare begins a resumption for a client that presents a token. The error
// refuses it. A token that was spent by another attempt ends the session:
// whoever comes second with it has stolen it, or has been stolen from (clause
// 14.3).
func (s *Session) prepare(h *hello) (*resumption, error) {
	gone := twinwire.Errorf(twinwire.NotFound, "session is not known")
	k := s.keep
	if k == nil {
		return nil, gone
	}
	hash := h.token.hash()
	same := func(other [sha256.Size]byte) bool { return subtle.ConstantTimeCompare(hash[:], other[:]) == 1 }
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended || s.ending || !s.m.Resumable():
		return nil, gone
	case same(k.hash), k.next != nil && same(k.next.token.hash()):
	case same(k.spent) && h.attempt == k.attempt:
		// Another carrier of the attempt was faster.
		return nil, twinwire.Errorf(twinwire.Replaced, replaced)
	case same(k.spent):
		go s.CloseWith(twinwire.Unauthorized, "resume token was used twice", 0)
		return nil, &RefusedError{Code: twinwire.Unauthorized, Reason: "resume token was used before", Never: true}
	default:
		return nil, &RefusedError{Code: twinwire.Unauthorized, Reason: "resume token is not valid", Never: true}
	}
	if k.next == nil || k.next.attempt != h.attempt {
		k.generation++
		k.next = &resumption{s: s, attempt: h.attempt, generation: k.generation, token: newToken()}
		k.hash = hash // one that was not attached becomes the one
	}
	// Another carrier of the same attempt may know of more.
	r := *k.next
	r.nexts, r.told = h.nexts, s.m.Nexts()
	return &r, nil
}

// attach has the session go on, if r is the newest resumption and has not been
// used.
func (r *resumption) attach(carrier transport.Carrier, heartbeat time.Duration) (*binding, error) {
	s := r.s
	s.mu.Lock()
	k := s.keep
	if k.next == nil || k.next.generation != r.generation {
		s.mu.Unlock()
		return nil, twinwire.Errorf(twinwire.Replaced, replaced)
	}
	k.spent, k.attempt = k.hash, r.attempt
	k.hash, k.next = r.token.hash(), nil
	s.mu.Unlock()
	b := newBinding(s, carrier)
	return b, s.rebind(b, &machine.Binding{
		Generation: r.generation, Independent: b.info.Independent, Heartbeat: heartbeat, Nexts: r.nexts, Told: r.told,
	})
}
