package load

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
)

// PayloadSize is the size of the payload of every event, and of every call
// that is not asked for another, in bytes.
const PayloadSize = 32

// leastPayload has room for what tells payloads apart.
const leastPayload = 16

// sampleEvery is how many calls of a caller share one recorded time where many
// callers run: reading the clock twice for each call would slow the floors
// down by more than a tenth.
const sampleEvery = 8

var errWrongReply = errors.New("load: reply differs from the call")

// CallOptions say what callers do.
type CallOptions struct {
	// PerConn is how many callers each connection has.
	PerConn int
	// Size is the size of each payload in bytes. Zero means PayloadSize.
	Size int
	// Rate is how many calls a second all callers make together, at times that
	// are fixed in advance. Zero means that each makes the next call when it
	// has the answer to the last one.
	Rate int

	clock clock // of the schedule; nil for a precise one
}

// Callers keep calls under way, one each, until they are stopped.
type Callers struct {
	latency *Recorder
	size    int
	stopped atomic.Bool
	stop    func() // ends the schedule; may be called again
	done    sync.WaitGroup
	counts  []count
	first   atomic.Int64 // when the first paced call since the last First was answered, in ns of Unix time; 0 for none
	failure failure
}

// count is one caller's, and read by Calls.
type count struct {
	calls atomic.Uint64
	_     [56]byte // keeps neighbours off one cache line
}

// StartCallers starts callers on each connection, in a goroutine each. They end
// with Stop or with the first failure.
func StartCallers(conns []peer.Conn, o CallOptions) (*Callers, error) {
	size := cmp.Or(o.Size, PayloadSize)
	if size < leastPayload || o.PerConn < 1 || o.Rate < 0 {
		return nil, fmt.Errorf("load: %d callers of %d bytes, %d a second", o.PerConn, o.Size, o.Rate)
	}
	c := &Callers{latency: NewRecorder(), size: size, stop: func() {}, counts: make([]count, len(conns)*o.PerConn)}
	var dues <-chan time.Time
	if o.Rate > 0 {
		var err error
		if dues, c.stop, err = startSchedule(&c.done, o.clock, o.Rate, len(c.counts), c.fail); err != nil {
			return nil, err
		}
	}
	every := sampleEvery
	if len(c.counts) == 1 || size > PayloadSize {
		every = 1
	}
	for i := range c.counts {
		caller := conns[i/o.PerConn].NewCaller()
		c.done.Go(func() {
			var err error
			if dues != nil {
				err = c.runPaced(i, caller, dues)
			} else {
				err = c.run(i, caller, every)
			}
			if err != nil {
				c.fail(err)
			}
		})
	}
	return c, nil
}

// payload returns that of caller i, which is its own.
func (c *Callers) payload(i int) []byte {
	b := make([]byte, c.size)
	// Nothing can be gained by compressing it.
	_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(b)
	binary.BigEndian.PutUint32(b, uint32(i))
	return b
}

func (c *Callers) run(i int, caller peer.Caller, every int) error {
	payload := c.payload(i)
	for n := uint64(1); !c.stopped.Load(); n++ {
		binary.BigEndian.PutUint64(payload[8:], n)
		// Callers take turns, so that some times are there soon.
		if (n+uint64(i))%uint64(every) == 0 {
			begin := time.Now()
			if err := echo(caller, payload); err != nil {
				return err
			}
			c.latency.Record(i, time.Since(begin))
		} else if err := echo(caller, payload); err != nil {
			return err
		}
		c.counts[i].calls.Store(n)
	}
	return nil
}

// runPaced makes the calls that it gets hold of. One that could not be made
// when it was due, because all callers were waiting for answers, is made as soon
// as it can be, and its time counts from when it was due.
func (c *Callers) runPaced(i int, caller peer.Caller, dues <-chan time.Time) error {
	payload := c.payload(i)
	n := uint64(0)
	for due := range dues {
		if c.stopped.Load() {
			return nil
		}
		n++
		binary.BigEndian.PutUint64(payload[8:], n)
		if err := echo(caller, payload); err != nil {
			return err
		}
		now := time.Now()
		if c.first.Load() == 0 {
			c.first.CompareAndSwap(0, now.UnixNano())
		}
		c.latency.Record(i, now.Sub(due))
		c.counts[i].calls.Store(n)
	}
	return nil
}

func echo(caller peer.Caller, payload []byte) error {
	reply, err := caller.Call(payload)
	if err == nil && !bytes.Equal(reply, payload) {
		err = errWrongReply
	}
	return err
}

// end lets every caller end after its call.
func (c *Callers) end() {
	c.stopped.Store(true)
	c.stop()
}

func (c *Callers) fail(err error) {
	c.failure.set(err)
	c.end()
}

// Err returns the first failure of any caller, or nil.
func (c *Callers) Err() error { return c.failure.get() }

// Calls returns how many calls have been answered.
func (c *Callers) Calls() uint64 {
	var sum uint64
	for i := range c.counts {
		sum += c.counts[i].calls.Load()
	}
	return sum
}

// Latency returns the times of the calls since the last time it was called.
func (c *Callers) Latency() Latency { return c.latency.Take() }

// First returns when the first call that has a rate was answered since the last
// time it was called, or the zero time.
func (c *Callers) First() time.Time {
	if first := c.first.Swap(0); first != 0 {
		return time.Unix(0, first)
	}
	return time.Time{}
}

// Stop lets every caller finish its call, waits for them, and returns the
// first failure. A call that never ends is unblocked by closing its
// connection.
func (c *Callers) Stop() error {
	c.end()
	c.done.Wait()
	return c.Err()
}
