package core_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// A slowCarrier takes a batch at once and the next one only after some time, as
// a WebSocket does whose network is slow.
type slowCarrier struct {
	*mem.Carrier
	each time.Duration
	free time.Time // guarded by the bubble: one goroutine writes at a time
}

func (c *slowCarrier) Prompt(int) bool { return !time.Now().Before(c.free) }

func (c *slowCarrier) Await(int) { time.Sleep(time.Until(c.free)) }

func (c *slowCarrier) Send(lane int, batch []byte) error {
	c.Await(lane)
	c.free = time.Now().Add(c.each)
	return c.Carrier.Send(lane, batch)
}

// What is urgent overtakes all of a large message that has not left: at most the
// batch that the carrier is busy with is before it.
func TestUrgentOvertakesLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each = 10 * time.Millisecond
		cfg, _ := serving(map[string]core.Handler{
			"test.Echo": func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, nil },
			"test.Take": func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, nil },
		})
		near, far := mem.Pipe(&mem.Options{OnePipe: true})
		serve(t, acceptor(t, cfg), far)
		slow := &slowCarrier{Carrier: near, each: each}
		offer, err := greet(t, slow, new(core.Config), core.ID{1})
		if err != nil {
			t.Fatal(err)
		}
		s := offer.Accept()
		defer s.Close()
		if err := s.Call(t.Context(), "test.Echo", nil, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Send(t.Context(), "test.Take", codec.Value[[]byte]{V: make([]byte, 1<<20)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5*each + each/2) // in the middle of a batch
		began := time.Now()
		if err := s.Call(t.Context(), "test.Echo", nil, nil); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > each {
			t.Errorf("a call beside a large message took %v, want less than the %v of a batch", took, each)
		}
	})
}
