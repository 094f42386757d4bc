// Package mem is the carrier inside one process: for tests, for benchmarks,
// and for a client and a server that live in the same program. It passes the
// conformance suite as every wire does, and it can be made to fail on purpose
// in every way that a network fails.
//
// A batch is copied once, into a buffer of the lane that the peer reads. A
// full buffer blocks the sender, as the window of a network connection would.
// Close drops what the peer has not read yet; a network may do so too, and
// what depends on the opposite should fail here first.
//
// The package sleeps nowhere and reads no clock but time.Now and timers, so it
// works in a testing/synctest bubble: a sender or receiver that waits is
// durably blocked.
//
// # Faults
//
// The methods Cut, CutAfter, Stall, Unstall, Duplicate and Delay plant faults
// in what one side sends. Duplicate breaks the promise of a carrier on
// purpose; the others stay within it.
package mem

import (
	"cmp"
	"time"

	"github.com/twinwire/twinwire/frame"
)

// Options are the settings of a pair. A nil *Options means the defaults.
type Options struct {
	// OnePipe makes all lanes share one pipe, as they do on WebSocket.
	// Without it lanes are independent, as they are on QUIC.
	OnePipe bool

	// Buffer is how many bytes of a lane, in one direction, are held until
	// the peer reads them, beside those that it is reading; a sender waits
	// beyond that. It also bounds what is delivered at once. A batch always
	// fits into an empty buffer. Zero means frame.MaxBatch; so does a
	// negative value.
	Buffer int

	// SendTimeout is how long Send waits for room before it ends the carrier.
	// Zero means 10 s, negative means for ever.
	SendTimeout time.Duration

	// Secure is what Info says of the carriers.
	Secure bool
}

func (o *Options) withDefaults() Options {
	var v Options
	if o != nil {
		v = *o
	}
	v.SendTimeout = cmp.Or(v.SendTimeout, 10*time.Second)
	if v.Buffer <= 0 {
		v.Buffer = frame.MaxBatch
	}
	return v
}
