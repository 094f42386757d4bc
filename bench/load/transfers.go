package load

import (
	"sync"
	"sync/atomic"

	"github.com/twinwire/twinwire/bench/peer"
)

// Transfers keep streams of bytes under way on a connection, one after
// another, until they are stopped.
type Transfers struct {
	stop     atomic.Bool
	received atomic.Uint64
	done     sync.WaitGroup
	failure  failure
}

// StartTransfers keeps so many streams of size bytes under way, in a goroutine
// each: up to the server, or down from it. They end with Stop or with the
// first failure.
func StartTransfers(c peer.Streamer, parallel, size int, down bool) *Transfers {
	t := new(Transfers)
	for range parallel {
		t.done.Go(func() {
			for !t.stop.Load() {
				if err := t.one(c, size, down); err != nil {
					t.stop.Store(true)
					t.failure.set(err)
				}
			}
		})
	}
	return t
}

func (t *Transfers) one(c peer.Streamer, size int, down bool) error {
	if down {
		return c.Download(size, func(n int) { t.received.Add(uint64(n)) })
	}
	return c.Upload(size)
}

// Received returns how many bytes have come down.
func (t *Transfers) Received() uint64 { return t.received.Load() }

// Err returns the first failure, or nil.
func (t *Transfers) Err() error { return t.failure.get() }

// Stop lets every stream get to its end, and returns the first failure. A
// stream that never ends is unblocked by closing its connection.
func (t *Transfers) Stop() error {
	t.stop.Store(true)
	t.done.Wait()
	return t.Err()
}

// failure keeps the first error.
type failure struct {
	mu  sync.Mutex
	err error
}

func (f *failure) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *failure) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
