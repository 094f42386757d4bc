package client

import (
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// memoryTime is how long a Memory remembers, and memorySize how many
	// servers: beyond it the oldest are forgotten.
	memoryTime = 24 * time.Hour
	memorySize = 1024
)

// A Memory remembers at which servers WebSocket won the race of wires, for 24
// hours: there QUIC gets no head start, so that a network that swallows UDP
// costs it once a day and not with every dial. QUIC is dialed all the same, and
// looked for while a session runs on WebSocket; where it is found, the server
// is forgotten. At most 1,024 servers are remembered, the newest.
//
// A program that ends soon, as a command line tool, can keep its memory in a
// file: MarshalJSON returns what is to be written, UnmarshalJSON takes what was
// read. The zero value remembers nothing yet. Its methods may be called from
// any goroutine.
type Memory struct {
	mu   sync.Mutex
	lost map[string]time.Time // when QUIC lost, by host:port
}

// shared is the memory of all dials that name no other. It is a variable of
// the package because the dials of a process have nothing else in common.
var shared = new(Memory)

// slow reports whether QUIC lost at this server not long ago.
func (m *Memory) slow(server string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.lost[server]
	if ok && !fresh(at, now) {
		delete(m.lost, server)
		return false
	}
	return ok
}

// fresh reports whether what happened at a time still counts. One in the
// future, which a clock that was set back makes, does not.
func fresh(at, now time.Time) bool { return !at.After(now) && now.Sub(at) < memoryTime }

// quicLost remembers that QUIC had its head start and WebSocket won.
func (m *Memory) quicLost(server string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lost == nil {
		m.lost = make(map[string]time.Time)
	}
	m.lost[server] = now
	m.boundLocked()
}

// quicWon forgets the server.
func (m *Memory) quicWon(server string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.lost, server)
}

// boundLocked forgets what is oldest beyond the bound. It looks for it one at a
// time: there is at most one too many, but for what came out of a file.
func (m *Memory) boundLocked() {
	for len(m.lost) > memorySize {
		oldest := slices.MinFunc(slices.Collect(maps.Keys(m.lost)), func(a, b string) int { return m.lost[a].Compare(m.lost[b]) })
		delete(m.lost, oldest)
	}
}
