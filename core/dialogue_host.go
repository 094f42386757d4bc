//go:build !js

package core

import (
	"context"
	"fmt"

	"github.com/twinwire/twinwire"
)

func newDialogue() *dialogue { return &dialogue{proofs: make(chan []byte, 1)} }

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
