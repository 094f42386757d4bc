package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
)

// PayloadSize is the size of the payload of every call and event, in bytes.
const PayloadSize = 32

// sampleEvery is how many calls of a caller share one recorded time where many
// callers run: reading the clock twice for each call would slow the floors
// down by more than a tenth.
const sampleEvery = 8

var errWrongReply = errors.New("load: reply differs from the call")

// Callers keep calls under way, one each, until they are stopped.
type Callers struct {
	latency *Recorder
	stop    atomic.Bool
	done    sync.WaitGroup
	counts  []count
	failure failure
}

// count is one caller's, and read by Calls.
type count struct {
	calls atomic.Uint64
	_     [56]byte // keeps neighbours off one cache line
}

// StartCallers starts perConn callers on each connection, in a goroutine each.
// They end with Stop or with the first failure.
func StartCallers(conns []peer.Conn, perConn int) *Callers {
	c := &Callers{latency: NewRecorder(), counts: make([]count, len(conns)*perConn)}
	every := sampleEvery
	if len(c.counts) == 1 {
		every = 1
	}
	for i := range c.counts {
		caller := conns[i/perConn].NewCaller()
		c.done.Go(func() {
			if err := c.run(i, caller, every); err != nil {
				c.fail(err)
			}
		})
	}
	return c
}

func (c *Callers) run(i int, caller peer.Caller, every int) error {
	payload := make([]byte, PayloadSize)
	binary.BigEndian.PutUint32(payload, uint32(i))
	for n := uint64(1); !c.stop.Load(); n++ {
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

func echo(caller peer.Caller, payload []byte) error {
	reply, err := caller.Call(payload)
	if err == nil && !bytes.Equal(reply, payload) {
		err = errWrongReply
	}
	return err
}

func (c *Callers) fail(err error) {
	c.stop.Store(true)
	c.failure.set(err)
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

// Stop lets every caller finish its call, waits for them, and returns the
// first failure. A call that never ends is unblocked by closing its
// connection.
func (c *Callers) Stop() error {
	c.stop.Store(true)
	c.done.Wait()
	return c.Err()
}
