//go:build !js

package core

import (
	"crypto/hmac"
	"crypto/sha256"
)

// SecretProof is the proof of clause 15.3.
func SecretProof(secret []byte, name string, attempt ID, challenge []byte) []byte {
	proof, _ := authenticated(secret, proven(name, attempt, challenge)) // never fails
	return proof
}

// authenticated returns the HMAC-SHA256 of a message.
func authenticated(secret, message []byte) ([]byte, error) {
	h := hmac.New(sha256.New, secret)
	h.Write(message)
	return h.Sum(nil), nil
}
