// Package eager has who waits for a socket look again for a moment before it
// sleeps, where that is likely to help: between programs of one machine.
//
// To wake up a goroutine, and the CPU under it, takes 5 to 50 µs, which is most
// of a round trip there. With one call in flight over TLS a call took 2.5 times as
// long without this as with it, and half as much CPU time again, for going to
// sleep and waking up is work as well. Between machines the network takes longer
// than that, and looking would only burn a CPU.
package eager

import (
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// shortWait is how long a wait may take to be short, with the waking up of
	// both ends: once they look, it takes a tenth of that. Nobody looks for longer.
	shortWait = 300 * time.Microsecond
	// trusted is how many short waits in a row have the reader look. One for many
	// calls that are answered counts as three.
	trusted = 8
	// worth is how long looks may take on average: what they save. A reader whose
	// looks take longer does not look for as many short waits as rest says.
	worth, rest = 100 * time.Microsecond, 100
	// lately is how many looks are in the average.
	lately = 16
	// awake is for how long a reader goes without sleeping: the thread under it
	// looks for what else has come over the network only when it has nothing to do,
	// and who else wants its CPU waits for as long.
	awake = 2 * time.Millisecond
	// engaged is awake where the peer answers at once, or many calls are answered
	// together. Linux wakes who sleeps on the CPU of who wakes it: so that of two
	// CPUs one has nothing to do for half of the time, and both ends share the
	// other. There are 1.3 times as many calls one at a time for it, 1.25 times with
	// 64 and 1.14 with 1,024 in flight; calls that come at times of their own would
	// have twice the p99.
	engaged = 10 * time.Millisecond
	// many is how many bytes of calls that are answered are many.
	many = 1 << 10
	// bulk is how many bytes arrive at once only where many are under way: there
	// both ends have other work, and more arrives while the reader sleeps, which is
	// to the good. Streams over WebSocket took 4 to 10 % more of the CPUs with looks.
	// Calls that are answered together are none (Turns).
	bulk = 4 << 10
)

// looking is set while a goroutine of the program looks: two would leave no
// CPU to others where there are two.
var looking atomic.Bool

// start is when time began for this package: readings since then are monotonic.
var start = time.Now()

// A Reader is what is known about one socket. Its methods are called by the
// goroutine that reads it, but for Near.
type Reader struct {
	near  atomic.Int32  // peers in this machine
	trust int8          // short waits in a row, less those of a rest
	looks bool          // this wait
	turns bool          // what has arrived is answered
	many  bool          // that was much
	since time.Duration // when the wait began; 0 for none
	mean  time.Duration // of the looks, less half of worth
	slept time.Duration // when it slept last
}

// Near takes note of n more peers of the socket that are in this machine, or
// less. While there are none, the reader does not look.
func (r *Reader) Near(n int32) { r.near.Add(n) }

// Local reports whether the address of a peer says that it is in this machine.
func Local(peer net.Addr) bool {
	var ip net.IP
	switch a := peer.(type) {
	case *net.TCPAddr:
		ip = a.IP
	case *net.UDPAddr:
		ip = a.IP
	}
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap().IsLoopback()
}

// Turns is told before a wait whether something was sent for what has arrived:
// then the ends take turns, and wait for each other however much arrives at once.
// With 1,024 calls in flight there are 1.06 times as many of them for it.
func (r *Reader) Turns(turns bool) { r.turns = turns }

// Again is called when there is nothing to read, and reports whether to look
// again, at once. If not, the reader is to sleep.
func (r *Reader) Again() bool {
	if r.since == 0 && r.near.Load() == 0 {
		return false
	}
	now := time.Since(start)
	switch {
	case r.since == 0:
		r.since = now
		if r.trust < trusted || now-r.slept > r.awake() || runtime.GOMAXPROCS(0) == 1 || !looking.CompareAndSwap(false, true) {
			r.slept = now
			return false
		}
		r.looks = true
	case !r.looks: // it was woken up for nothing
		return false
	case now-r.since > shortWait:
		r.looked(now - r.since)
		r.slept = now
		return false
	}
	runtime.Gosched() // other goroutines go first
	return true
}

// awake returns for how long the reader goes without sleeping.
func (r *Reader) awake() time.Duration {
	if r.many || r.mean < -worth/4 {
		return engaged
	}
	return awake
}

// Arrived is called when so many bytes have been read, 0 for who does not know.
func (r *Reader) Arrived(n int) {
	r.many = r.turns && n >= many
	if r.turns {
		n = 0
	}
	if n >= bulk {
		r.trust = min(r.trust, 0)
	}
	if r.since == 0 {
		return // without a wait
	}
	switch took := time.Since(start) - r.since; {
	case r.looks:
		r.looked(took)
	case n >= bulk:
	case took <= shortWait && r.many:
		r.trust = min(r.trust+3, trusted)
	case took <= shortWait:
		r.trust = min(r.trust+1, trusted)
	case r.many: // the peer has been kept from its CPU
		r.trust = min(r.trust, trusted/2)
	default:
		r.trust = min(r.trust, 0)
	}
	r.since = 0
}

// looked ends a look.
func (r *Reader) looked(took time.Duration) {
	r.looks = false
	looking.Store(false)
	if r.mean += (took - worth/2 - r.mean) / lately; r.mean > worth/2 {
		r.mean, r.trust = 0, -rest
	}
}
