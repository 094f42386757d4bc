package core_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport/mem"
)

// A piecemeal carrier delivers what has arrived a few frames at a time, as one
// does to which a peer has written several times, and counts what it sends.
type piecemeal struct {
	*mem.Carrier
	frames int              // in a delivery; may be changed while nothing is received
	after  func(frames int) // is called after each, unless nil; likewise
	sent   atomic.Int32
	turns  atomic.Int32 // lulls that were said to be behind something that was sent
}

func (c *piecemeal) OnLull(f func() bool) bool {
	return c.Carrier.OnLull(func() bool {
		sent := f()
		if sent {
			c.turns.Add(1)
		}
		return sent
	})
}

func (c *piecemeal) Send(lane int, batch []byte) error {
	c.sent.Add(1)
	return c.Carrier.Send(lane, batch)
}

func (c *piecemeal) Receive(deliver func(lane int, frames []byte) error) error {
	return c.Carrier.Receive(c.pieces(deliver))
}

func (c *piecemeal) Handover(lane int, deliver func(lane int, frames []byte) error) func() error {
	return c.Carrier.Handover(lane, c.pieces(deliver))
}

func (c *piecemeal) pieces(deliver func(lane int, frames []byte) error) func(lane int, frames []byte) error {
	return func(lane int, frames []byte) error {
		for len(frames) > 0 {
			n, count := 0, 0
			for ; count < c.frames && n < len(frames); count++ {
				next, _ := frame.Size(frames[n:])
				n += next
			}
			if err := deliver(lane, frames[:n]); err != nil {
				return err
			}
			if c.after != nil {
				c.after(count)
			}
			frames = frames[n:]
		}
		return nil
	}
}

// connectPiecemeal is connect over one pipe, piecemeal at both ends.
func connectPiecemeal(t *testing.T, server, client *core.Config) (p *pair, near, far *piecemeal) {
	t.Helper()
	p = new(pair)
	p.cc, p.sc = mem.Pipe(&mem.Options{OnePipe: true})
	near, far = &piecemeal{Carrier: p.cc, frames: 2}, &piecemeal{Carrier: p.sc, frames: 2}
	a := acceptor(t, server)
	began := make(chan *core.Session, 1)
	a.Began = func(s *core.Session) { began <- s }
	serve(t, a, far)
	offer, err := greet(t, near, client, core.ID{1})
	if err != nil {
		t.Fatal(err)
	}
	p.client, p.server = offer.Accept(), <-began
	t.Cleanup(func() { _ = p.client.Close() })
	return p, near, far
}

// What had arrived together is answered together, although it is delivered in
// pieces; and who then calls again is sent together.
func TestSentInLulls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
		p, near, far := connectPiecemeal(t, cfg, new(core.Config))
		quick(t, p.client, "test.Echo")
		const callers, rounds = 16, 20
		writes, answers := 0, 0
		for range rounds {
			// All calls arrive at once, and so do all answers.
			p.cc.Stall(0)
			var done sync.WaitGroup
			for range callers {
				done.Go(func() {
					for range 2 {
						if got, err := call(t.Context(), p.client, "test.Echo", "x"); err != nil || got != "x" {
							t.Errorf("got %q, %v", got, err)
						}
					}
				})
			}
			synctest.Wait()
			p.sc.Stall(0)
			far.sent.Store(0)
			p.cc.Unstall(0)
			synctest.Wait()
			answers += int(far.sent.Load())
			near.sent.Store(0)
			given := 0
			near.after = func(frames int) {
				if given += frames; given >= callers {
					near.after = nil
				}
				synctest.Wait() // all who were given answers have called again
			}
			p.sc.Unstall(0)
			done.Wait()
			writes += int(near.sent.Load())
		}
		// In pairs, as they are delivered, it would be 8 and 8 in each round.
		if answers > 5*rounds || writes > 4*rounds {
			t.Errorf("%d answers took %d writes, and %d calls behind them %d", callers*rounds, answers, callers*rounds, writes)
		}
		t.Logf("%d and %d writes", answers, writes)
	})
}

// Who was given answers does not wait for a lull while hundreds more arrive.
func TestSentBeforeLulls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
		const callers = 500
		cfg.Limits = &core.Limits{Calls: callers}
		p, near, _ := connectPiecemeal(t, cfg, new(core.Config))
		quick(t, p.client, "test.Echo")
		p.cc.Stall(0) // so that all calls arrive at once, and their answers too
		var done sync.WaitGroup
		for range callers {
			done.Go(func() {
				for range 2 {
					if got, err := call(t.Context(), p.client, "test.Echo", "x"); err != nil || got != "x" {
						t.Errorf("got %q, %v", got, err)
					}
				}
			})
		}
		synctest.Wait()
		p.sc.Stall(0)
		p.cc.Unstall(0)
		synctest.Wait()
		p.cc.Stall(0) // so that nothing is answered again
		near.frames = 50
		total, all := 0, make(chan struct{})
		near.after = func(frames int) {
			if total += frames; total < callers {
				synctest.Wait() // all who were given answers have called again
				return
			}
			near.after = nil
			close(all)
		}
		near.sent.Store(0)
		p.sc.Unstall(0) // ten deliveries or more, and then a lull
		<-all
		if n := near.sent.Load(); n < 3 {
			t.Errorf("all calls were sent in %d writes", n)
		}
		p.cc.Unstall(0)
		done.Wait()
	})
}

// A lull is told that the ends take turns although all was sent before it.
func TestLullBehindSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
		const callers = 256 // more than wait for a lull when they are answered together
		cfg.Limits = &core.Limits{Calls: callers}
		p, near, far := connectPiecemeal(t, cfg, new(core.Config))
		quick(t, p.client, "test.Echo")
		near.frames, far.frames = 2*callers, 2*callers
		p.cc.Stall(0) // so that all calls arrive at once, and their answers too
		var done sync.WaitGroup
		for range callers {
			done.Go(func() {
				if got, err := call(t.Context(), p.client, "test.Echo", "x"); err != nil || got != "x" {
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
		synctest.Wait()
		p.sc.Stall(0)
		p.cc.Unstall(0)
		synctest.Wait()
		near.turns.Store(0)
		p.sc.Unstall(0)
		done.Wait()
		synctest.Wait()
		if n := near.turns.Load(); n != 1 {
			t.Errorf("%d lulls were said to be behind something that was sent, want 1", n)
		}
		quick(t, p.client, "test.Echo")
		synctest.Wait()
		if n := near.turns.Load(); n != 1 {
			t.Errorf("so were %d behind calls that are alone", n-1)
		}
	})
}

// A handler that is run where answers were delivered before it may wait for who
// was given them, and for what they call next.
func TestHandlerBehindAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		again := make(chan struct{})
		var wait atomic.Bool
		gate := make(chan struct{})
		server, _ := serving(map[string]core.Handler{
			"test.Echo": echo,
			"test.Gate": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				<-gate
				return echo(ctx, r)
			},
		})
		client, _ := serving(map[string]core.Handler{
			"test.Wait": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				if wait.Load() {
					<-again
				}
				return echo(ctx, r)
			},
		})
		p, _, _ := connectPiecemeal(t, server, client)
		quick(t, p.client, "test.Echo")
		quick(t, p.server, "test.Wait")
		wait.Store(true)
		var done sync.WaitGroup
		for range 2 {
			done.Go(func() {
				if _, err := call(t.Context(), p.client, "test.Gate", "x"); err != nil {
					t.Error(err)
				}
				if _, err := call(t.Context(), p.client, "test.Echo", "x"); err != nil {
					t.Error(err)
				}
			})
		}
		go func() { done.Wait(); close(again) }()
		synctest.Wait()
		p.sc.Stall(0) // to the client: the answers, and a call behind them
		close(gate)
		synctest.Wait()
		asked := make(chan error, 1)
		go func() {
			_, err := call(t.Context(), p.server, "test.Wait", "x")
			asked <- err
		}()
		synctest.Wait()
		began := time.Now()
		p.sc.Unstall(0)
		if err := <-asked; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 3*time.Millisecond {
			t.Errorf("the handler waited %v", took)
		}
	})
}

// What is left to a lull that does not come, because the carrier ends, is sent
// over the next one.
func TestLullThatDoesNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
		p, _, _ := connectPiecemeal(t, cfg, new(core.Config))
		var done sync.WaitGroup
		for range 8 {
			done.Go(func() {
				for range 100 {
					if _, err := call(t.Context(), p.client, "test.Echo", "x"); err != nil {
						return // when the carrier was cut
					}
				}
				p.cc.Cut()
			})
		}
		done.Wait()
		<-p.client.Done()
		<-p.server.Done()
	})
}
