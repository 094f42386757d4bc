package load

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/twinwire/twinwire/bench/peer"
)

// Items sends values or messages as fast as they go, until it is stopped.
type Items struct {
	stop    atomic.Bool
	sent    atomic.Uint64
	done    sync.WaitGroup
	failure failure
}

// StartItems sends in a goroutine that ends with Stop or with the first
// failure, and closes the sender.
func StartItems(s peer.Sender) *Items {
	i := new(Items)
	i.done.Go(func() {
		err := i.run(s)
		if closed := s.Close(); err == nil {
			err = closed
		}
		if err != nil {
			i.failure.set(err)
		}
	})
	return i
}

func (i *Items) run(s peer.Sender) error {
	payload := make([]byte, peer.ItemSize)
	for n := uint64(0); !i.stop.Load(); n++ {
		binary.BigEndian.PutUint64(payload, n)
		if err := s.Send(payload); err != nil {
			return err
		}
		i.sent.Store(n + 1)
	}
	return nil
}

// Sent returns how many were sent.
func (i *Items) Sent() uint64 { return i.sent.Load() }

// Err returns the first failure, or nil.
func (i *Items) Err() error { return i.failure.get() }

// Stop waits until all that was sent has arrived, and returns the first
// failure. What never arrives is given up by closing the connection.
func (i *Items) Stop() error {
	i.stop.Store(true)
	i.done.Wait()
	return i.Err()
}
