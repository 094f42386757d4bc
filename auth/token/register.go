package token

import (
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/auth"
	"github.com/twinwire/twinwire/core"
)

// A Register remembers which tokens have been used, until they are not good any
// more. It is that of one process: where several servers take the same tokens,
// each has one use of them. The zero value is ready.
type Register struct {
	// Most bounds how many are remembered, at some 120 bytes each; beyond it
	// tokens are refused with ResourceExhausted until others have expired, for
	// one that is forgotten could be used again. Zero means 65,536.
	Most int

	mu    sync.Mutex
	used  map[[sha256.Size]byte]use
	swept time.Time
}

// A use is of one attempt: the wires of one dial show the same token (clause
// 3.6).
type use struct {
	attempt   core.ID
	at, until time.Time
}

const (
	defaultMost = 1 << 16
	// raceTime is how long wires of one dial may be apart. It is below the time
	// for which the server remembers the attempt, so that who has seen a login
	// cannot repeat it.
	raceTime = 10 * time.Second
	// sweepTime is the least time between two looks for what has expired.
	sweepTime = time.Second
)

// use takes note of the use of a token that is good until then.
func (r *Register) use(id string, attempt core.ID, now, until time.Time) error {
	key := sha256.Sum256([]byte(id))
	r.mu.Lock()
	defer r.mu.Unlock()
	if before, ok := r.used[key]; ok && now.Before(before.until) {
		if before.attempt == attempt && now.Sub(before.at) <= raceTime {
			return nil
		}
		return auth.Denied(errUsed)
	}
	most := r.Most
	if most <= 0 {
		most = defaultMost
	}
	if len(r.used) >= most && now.Sub(r.swept) >= sweepTime {
		r.swept = now
		for k, u := range r.used {
			if !now.Before(u.until) {
				delete(r.used, k)
			}
		}
	}
	if len(r.used) >= most {
		return &core.RefusedError{Code: twinwire.ResourceExhausted, Reason: "too many tokens were used", RetryAfter: sweepTime}
	}
	if r.used == nil {
		r.used = make(map[[sha256.Size]byte]use)
	}
	r.used[key] = use{attempt, now, until}
	return nil
}

var errUsed = errors.New("token was used before")
