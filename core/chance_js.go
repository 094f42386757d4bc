package core

import "syscall/js"

// NewAttempt returns the id of a new attempt (clause 3.6): 16 bytes of chance.
// The browser has it; package crypto/rand would be a tenth of a page.
func NewAttempt() (id ID) {
	array := js.Global().Get("Uint8Array").New(len(id))
	js.Global().Get("crypto").Call("getRandomValues", array)
	js.CopyBytesToGo(id[:], array)
	return id
}
