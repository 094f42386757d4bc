package core

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/twinwire/twinwire"
)

// A dialogue is an authentication that is under way while its carrier, or its
// session, goes on reading.
type dialogue struct {
	proofs chan []byte // has room for one
	wants  atomic.Bool // a challenge was sent, and no proof has come
	done   chan struct{}
	cancel context.CancelFunc
}

func newDialogue() *dialogue {
	return &dialogue{proofs: make(chan []byte, 1), done: make(chan struct{})}
}

// challenge returns what Login.Challenge does, with what sends the frame.
func (d *dialogue) challenge(send func(challenge []byte) error) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, challenge []byte) ([]byte, error) {
		d.wants.Store(true)
		if err := send(challenge); err != nil {
			return nil, err
		}
		select {
		case proof := <-d.proofs:
			return proof, nil
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: no answer to the challenge: %w", twinwire.DeadlineExceeded, context.Cause(ctx))
		}
	}
}

// over reports whether the authentication has ended.
func (d *dialogue) over() bool {
	select {
	case <-d.done:
		return true
	default:
		return false
	}
}
