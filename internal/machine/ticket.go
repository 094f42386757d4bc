package machine

// A Token proves that a client had a session (clause 14.2). A server keeps a
// hash of it.
type Token [32]byte

// String, GoString and MarshalText keep tokens out of logs.
func (t Token) String() string               { return redacted }
func (t Token) GoString() string             { return redacted }
func (t Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

const redacted = "redacted"

// An Attempt is the id of an attempt (clause 3.6).
type Attempt [16]byte

// A Ticket is what a client needs to go on with its session: the token of the
// newest WELCOME whose session it went on with, and the attempt that it is
// presented with each time, on however many carriers and in however many dials.
// A HELLO that a network has kept for long is not taken for theft then (clause
// 14.2).
type Ticket struct {
	Token   Token
	Attempt Attempt
}

// Adopt takes the token of a WELCOME, just before the ATTACH for it is sent.
func (t *Ticket) Adopt(token Token, fresh Attempt) { *t = Ticket{token, fresh} }
