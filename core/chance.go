//go:build !js

package core

import "crypto/rand"

// NewAttempt returns the id of a new attempt (clause 3.6): 16 bytes of chance.
func NewAttempt() (id ID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}
