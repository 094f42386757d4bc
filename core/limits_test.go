package core_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// Of the limits of a session on what its own side begins as many pass as they
// say, the next is refused and counted, and when one has gone one more passes.
// Those on what the peer begins are the machine's (TestLimitsOfThePeer there).
func TestLimitsOfASession(t *testing.T) {
	const perSecond = 5
	for _, c := range []struct {
		name  string
		limit core.Limit // 0 for one that is not counted, because it is this side's own
		set   func(l *core.Limits, n int)
		// begin begins one more. leave has one that was begun go.
		begin func(t *testing.T, p *pair) (leave func(), err error)
	}{
		{"topics", core.LimitTopics, func(l *core.Limits, n int) { l.Topics = n },
			func(_ *testing.T, p *pair) (func(), error) {
				sub, err := p.server.Subscribe("t", 0)
				return func() { sub.Cancel() }, err
			}},
		{"queued calls", 0, func(l *core.Limits, n int) { l.QueuedCalls = n },
			func(t *testing.T, p *pair) (func(), error) {
				ctx, cancel := context.WithCancel(t.Context())
				done := async(ctx, p.client, "test.Wait")
				select {
				case err := <-done:
					return cancel, err
				default:
					return func() { cancel(); <-done }, nil
				}
			}},
		{"calls a second", core.LimitRate, func(l *core.Limits, n int) { l.Rate, l.RateBurst = perSecond, n },
			func(t *testing.T, p *pair) (func(), error) {
				_, err := call(t.Context(), p.client, "test.Echo", "x")
				return func() { time.Sleep(time.Second / perSecond) }, err
			}},
	} {
		for _, n := range []int{1, 2, 10} {
			t.Run(fmt.Sprint(c.name, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					cfg, _ := serving(map[string]core.Handler{"test.Echo": echo,
						"test.Wait": func(ctx context.Context, _ *core.Request) (codec.Marshaler, error) {
							<-ctx.Done()
							return nil, ctx.Err()
						}})
					limits := &core.Limits{Calls: 1}
					c.set(limits, n)
					cfg.Limits = limits
					p := connect(t, new(mem.Options), cfg, &core.Config{Limits: limits})
					if c.limit == 0 {
						async(t.Context(), p.client, "test.Wait") // others wait behind it
					}
					var leave []func()
					begin := func() error {
						f, err := c.begin(t, p)
						leave = append(leave, f)
						return err
					}
					for i := range n {
						if err := begin(); err != nil {
							t.Fatalf("%d of %d: %v", i+1, n, err)
						}
					}
					wantCode(t, begin(), twinwire.ResourceExhausted)
					if got := p.acceptor.Stats().Reached[c.limit]; c.limit != 0 && got != 1 {
						t.Errorf("the limit was reached %d times, by the counts", got)
					}
					leave[0]()
					synctest.Wait()
					if err := begin(); err != nil {
						t.Errorf("one has gone, and one more: %v", err)
					}
					wantCode(t, begin(), twinwire.ResourceExhausted)
				})
			})
		}
	}
}
