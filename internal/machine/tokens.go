//go:build !js

package machine

import (
	"crypto/sha256"
	"crypto/subtle"
)

func (t Token) hash() [sha256.Size]byte { return sha256.Sum256(t[:]) }

// Tokens are what a server knows of who may go on with a session: which token
// is good, and which resumption may follow (clauses 14.2 and 14.3). A thief and
// a slow network look alike to it but for the attempt.
type Tokens struct {
	good       [sha256.Size]byte // the hash of the one to present
	spent      [sha256.Size]byte // of the one that was good before
	spentBy    Attempt
	next       *Resumption // that was promised and has not been attached
	generation uint64      // the highest that was promised
}

// A Resumption is a session that is about to go on with another carrier, at
// the server, from its HELLO to its ATTACH.
type Resumption struct {
	Attempt    Attempt
	Generation uint64
	Token      Token // for the next time
}

// A Claim is what a token that was presented is worth.
type Claim uint8

const (
	// Good means that a resumption is promised.
	Good Claim = iota
	// Late means that another carrier of the attempt was faster.
	Late
	// Stolen means that somebody else has used the token: whoever comes second
	// with it has stolen it, or has been stolen from. The session is to end.
	Stolen
	// Wrong means that this was never a token, or is none any more.
	Wrong
)

// NewTokens returns what the server of a new session knows, whose WELCOME had
// this token and generation.
func NewTokens(first Token, generation uint64) *Tokens {
	return &Tokens{good: first.hash(), generation: generation}
}

// Present takes a token of a HELLO. The resumption is valid if the claim is
// Good; fresh is the token for the next time, if this is not a repetition.
func (t *Tokens) Present(token Token, by Attempt, fresh Token) (Resumption, Claim) {
	hash := token.hash()
	same := func(other [sha256.Size]byte) bool { return subtle.ConstantTimeCompare(hash[:], other[:]) == 1 }
	switch {
	case same(t.good), t.next != nil && same(t.next.Token.hash()):
	case same(t.spent) && by == t.spentBy:
		return Resumption{}, Late
	case same(t.spent):
		return Resumption{}, Stolen
	default:
		return Resumption{}, Wrong
	}
	if t.next == nil || t.next.Attempt != by {
		t.generation++
		t.next = &Resumption{Attempt: by, Generation: t.generation, Token: fresh}
		t.good = hash // one that was not attached becomes the one
	}
	return *t.next, Good
}

// Attach reports whether the ATTACH of a resumption is the one that counts: it
// is the newest that was promised, and the first that comes. The token that was
// presented for it is spent.
func (t *Tokens) Attach(generation uint64) bool {
	if t.next == nil || t.next.Generation != generation {
		return false
	}
	t.spent, t.spentBy = t.good, t.next.Attempt
	t.good, t.next = t.next.Token.hash(), nil
	return true
}
