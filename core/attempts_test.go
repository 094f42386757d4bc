package core

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/mem"
)

// However many attempts are remembered a new one is taken: those that have
// rested longest are forgotten for it, and none that a carrier waits for.
func TestAttemptsEvicted(t *testing.T) {
	a, err := NewAcceptor(&Config{})
	if err != nil {
		t.Fatal(err)
	}
	carrier, _ := mem.Pipe(nil)
	now := time.Now()
	id := func(n int) (id ID) {
		binary.BigEndian.PutUint64(id[:], uint64(n)+1)
		return id
	}
	take := func(n int) (*attempt, error) {
		return a.attempt(&hello{attempt: id(n)}, "", transport.Carrier(carrier), now)
	}
	waiting, err := take(0)
	if err != nil {
		t.Fatal(err)
	}
	const dials = maxAttempts + 1000
	for n := 1; n <= dials; n++ {
		v, err := take(n)
		if err != nil {
			t.Fatalf("attempt %d: %v", n, err)
		}
		if n%2 == 0 { // its session begins, or its carrier goes
			v.begun, v.others = true, nil
			a.mu.Lock()
			a.restLocked(v)
			a.mu.Unlock()
		} else {
			a.forget(&arrival{attempt: v, carrier: carrier})
		}
	}
	if len(a.attempts) > maxAttempts {
		t.Errorf("%d attempts are remembered", len(a.attempts))
	}
	if again, err := take(0); again != waiting || err != nil {
		t.Errorf("an attempt that waits was forgotten: %v", err)
	}
	if _, err := take(dials); twinwire.CodeOf(err) != twinwire.Replaced {
		t.Errorf("the newest that has begun: %v, want Replaced", err)
	}
	if v, err := take(2); err != nil || v.begun {
		t.Errorf("the oldest that has begun is remembered: %v", err)
	}
	// In time all are forgotten that nobody waits for.
	now = now.Add(2 * attemptTime)
	if _, err := take(-2); err != nil || len(a.attempts) > 3+1 {
		t.Errorf("%d attempts are remembered after their time, %v", len(a.attempts), err)
	}
}
