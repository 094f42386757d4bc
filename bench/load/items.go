package load

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
)

// ItemOptions say what is sent.
type ItemOptions struct {
	// Size is the size of each payload in bytes. Zero means peer.ItemSize, which
	// is the least.
	Size int
	// Rate is how many are sent a second. Where the sender has to wait for
	// longer, those that are due meanwhile follow at once. Zero means as fast as
	// it goes.
	Rate int

	clock clock // of the schedule; nil for a precise one
}

// Items sends values or messages until it is stopped.
type Items struct {
	stopped atomic.Bool
	stop    func() // ends the schedule; may be called again
	sent    atomic.Uint64
	done    sync.WaitGroup
	failure failure
}

// StartItems sends in a goroutine that ends with Stop or with the first
// failure, and closes the sender.
func StartItems(s peer.Sender, o ItemOptions) (*Items, error) {
	size := cmp.Or(o.Size, peer.ItemSize)
	if size < peer.ItemSize || o.Rate < 0 {
		return nil, fmt.Errorf("load: items of %d bytes, %d a second", o.Size, o.Rate)
	}
	i := &Items{stop: func() {}}
	var dues <-chan time.Time
	if o.Rate > 0 {
		var err error
		if dues, i.stop, err = startSchedule(&i.done, o.clock, o.Rate, 1, i.failure.set); err != nil {
			return nil, err
		}
	}
	i.done.Go(func() {
		err := i.run(s, size, dues)
		i.end()
		if closed := s.Close(); err == nil {
			err = closed
		}
		if err != nil {
			i.failure.set(err)
		}
	})
	return i, nil
}

// run sends until it is stopped, each item when it is due unless dues is nil.
func (i *Items) run(s peer.Sender, size int, dues <-chan time.Time) error {
	payload := make([]byte, size)
	for n := uint64(0); !i.stopped.Load(); n++ {
		if dues != nil {
			if _, more := <-dues; !more {
				return nil
			}
		}
		binary.BigEndian.PutUint64(payload, n)
		if err := s.Send(payload); err != nil {
			return err
		}
		i.sent.Store(n + 1)
	}
	return nil
}

func (i *Items) end() {
	i.stopped.Store(true)
	i.stop()
}

// Sent returns how many were sent.
func (i *Items) Sent() uint64 { return i.sent.Load() }

// Err returns the first failure, or nil.
func (i *Items) Err() error { return i.failure.get() }

// Stop waits until all that was sent has arrived, and returns the first
// failure. What never arrives is given up by closing the connection.
func (i *Items) Stop() error {
	i.end()
	i.done.Wait()
	return i.Err()
}
