package core_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
)

// A mover is a carrier whose moves take a second, and that counts them.
type mover struct {
	transport.Carrier
	moves int
}

func (m *mover) Move(ctx context.Context) error {
	m.moves++
	select {
	case <-time.After(time.Second):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A change of the network while the session looks for its way after the one
// before has it look once more, from the network that is there then; one look
// is enough for several.
func TestNetworkChangesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := serving(nil)
		w := roam(t, server, &core.Config{Logger: server.Logger})
		m := &mover{Carrier: w.dial()}
		offer, err := core.GreetAgain(t.Context(), m, w.client)
		if err == nil {
			err = offer.Resume()
		}
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, c := range []struct {
			changes, after int // moves
		}{{1, 1}, {2, 3}, {5, 5}} {
			for range c.changes {
				w.client.NetworkChanged()
				synctest.Wait() // the first look has begun
			}
			time.Sleep(5 * time.Second)
			synctest.Wait()
			if m.moves != c.after {
				t.Errorf("%d looks after %d changes more, want %d", m.moves, c.changes, c.after)
			}
		}
		if err := w.client.Err(); err != nil {
			t.Error(err)
		}
	})
}
