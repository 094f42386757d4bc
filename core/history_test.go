package core_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/mem"
)

var (
	histories    = flag.Int("histories", 40, "run so many random histories of sessions with all their goroutines")
	firstHistory = flag.Uint64("history", 0, "the number of the first of them")
)

// TestHistories runs sessions, acceptors and carriers as they are, in fake time,
// through random faults of the network: carriers that are cut after so many
// bytes, that stall, that are late and that are closed late, moves, hellos on
// two carriers and hellos that come when nobody waits any more, and a server
// that is started anew. The faults follow from the number of the history; what
// the goroutines make of them does not, so a failure may take several runs. The
// histories of internal/machine leave the goroutines out, and can be had again.
func TestHistories(t *testing.T) {
	for seed := *firstHistory; seed < *firstHistory+uint64(*histories); seed++ {
		synctest.Test(t, func(t *testing.T) {
			h := &history{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 3))}
			h.run()
		})
		if t.Failed() {
			return
		}
	}
}

// A history is a session in trouble, and what both its ends want of it.
type history struct {
	t    *testing.T
	seed uint64
	rng  *rand.Rand
	w    *roaming

	calls     *ledger
	notes     [2][]int64 // that came to the client and to the server
	noted     [2]int64   // that were sent to them
	next      atomic.Int64
	stop      chan struct{}
	wg        sync.WaitGroup
	mayEnd    atomic.Bool // the session may end
	resuming  sync.Mutex
	carrierMu sync.Mutex
	servers   []*mem.Carrier
	gone      map[*mem.Carrier]bool // nothing that they send arrives
}

func (h *history) errorf(format string, args ...any) {
	h.t.Errorf("history %d (core): "+format+"\nagain: go test ./core -run 'TestHistories$' -histories 1 -history %d", append(append([]any{h.seed}, args...), h.seed)...)
}

// A deafCarrier is closed some time after it was told so, as where the other end
// has vanished: until then it delivers what is on its way.
type deafCarrier struct {
	transport.Carrier
	after time.Duration
}

func (c *deafCarrier) Close(code twinwire.Code, reason string) {
	time.AfterFunc(c.after, func() { c.Carrier.Close(code, reason) })
}

// services are those of one end; side is 0 for the client's.
func (h *history) services(side int) []*core.Service {
	cfg, _ := serving(map[string]core.Handler{
		"test.Count": h.calls.handler,
		"test.Back":  back,
		"test.Note": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
			var n codec.Value[int64]
			err := r.Decode(&n)
			h.notes[side] = append(h.notes[side], n.V)
			return nil, err
		},
	})
	return cfg.Services
}

func (h *history) run() {
	h.calls = &ledger{ran: map[int64]int{}}
	h.stop, h.gone = make(chan struct{}), map[*mem.Carrier]bool{}
	log := newLogger(new(recorder))
	server := &core.Config{Services: h.services(1), Logger: log}
	h.w = roam(h.t, server, &core.Config{Services: h.services(0), Logger: log})
	h.w.resume = h.again
	h.w.wrap = func(c *mem.Carrier) transport.Carrier {
		h.carrierMu.Lock()
		defer h.carrierMu.Unlock()
		h.servers = append(h.servers, c)
		return &deafCarrier{c, time.Duration(len(h.servers)%4) * 3 * time.Millisecond}
	}
	h.load()
	for range 10 + h.rng.IntN(25) {
		time.Sleep(time.Duration(h.rng.IntN(20_000)) * time.Microsecond)
		h.fault()
	}
	if h.rng.IntN(8) == 0 {
		h.restart(server)
		return
	}
	close(h.stop)
	h.wg.Wait() // what is under way is done, once the faults are noticed
	h.check()
}

// again has the session go on with another carrier; one at a time, as package
// client does.
func (h *history) again(s *core.Session) error {
	h.resuming.Lock()
	defer h.resuming.Unlock()
	cc := h.w.dial()
	offer, err := core.GreetAgain(context.Background(), &deafCarrier{cc, 5 * time.Millisecond}, s)
	if err != nil {
		return err
	}
	return offer.Resume()
}

// load begins what is disturbed.
func (h *history) load() {
	ends := []*core.Session{h.w.client, h.w.server}
	forever := func(f func(n int64) error) {
		h.wg.Go(func() {
			for n := int64(0); ; n++ {
				select {
				case <-h.stop:
					return
				default:
				}
				if err := f(n); err != nil {
					if !h.mayEnd.Load() {
						h.errorf("%v", err)
					}
					return
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	for i, s := range ends {
		for range 2 {
			forever(func(int64) error {
				n, got := codec.Value[int64]{V: h.next.Add(1)}, codec.Value[int64]{}
				err := s.Call(context.Background(), "test.Count", n, &got)
				h.calls.mu.Lock()
				ran := h.calls.ran[n.V]
				h.calls.mu.Unlock()
				switch {
				case err == nil && (ran != 1 || got.V != n.V), errors.Is(err, twinwire.Unavailable) && !errors.Is(err, twinwire.OutcomeUnknown) && ran != 0:
					h.errorf("call %d ran %d times and returned %d, %v", n.V, ran, got.V, err)
				}
				return err
			})
		}
		forever(func(n int64) error {
			err := s.Send(context.Background(), "test.Note", codec.Value[int64]{V: n})
			if err == nil {
				h.noted[1-i] = n + 1
			}
			return err
		})
	}
	data := pattern(50_000)
	forever(func(int64) error {
		x, err := h.w.client.Begin(context.Background(), "test.Back", nil)
		if err != nil {
			return err
		}
		sent := make(chan error)
		go func() {
			out := x.Writer(0, core.Bulk)
			_, err := out.Write(data)
			sent <- errors.Join(err, out.Close())
		}()
		got, err := io.ReadAll(x.Reader(0))
		wrote := <-sent
		var n codec.Value[int64]
		result := x.Result(&n)
		if err == nil && !bytes.Equal(got, data) {
			h.errorf("%d of %d bytes came back, and the end was %v; writing: %v", len(got), n.V, result, wrote)
		}
		return errors.Join(err, wrote, result)
	})
}

// fault is one thing that goes wrong.
func (h *history) fault() {
	h.w.mu.Lock()
	near := h.w.cc
	h.w.mu.Unlock()
	h.carrierMu.Lock()
	c := near
	if k := len(h.servers); k > 0 && h.rng.IntN(2) == 0 {
		c = h.servers[k-1]
	}
	h.carrierMu.Unlock()
	lane := h.rng.IntN(6) - 1
	switch h.rng.IntN(10) {
	case 0:
		near.Cut()
	case 1, 2:
		c.CutAfter(h.rng.Int64N(3000))
	case 3:
		c.Stall(mem.AllLanes) // half open
		h.gone[c] = true
	case 4: // a lane only, and for a while
		c.Stall(max(lane, 0))
		time.Sleep(time.Duration(h.rng.IntN(200)) * time.Millisecond)
		if !h.gone[c] {
			c.Unstall(max(lane, 0))
		}
	case 5, 6:
		c.Delay(lane, time.Duration(h.rng.IntN(15))*time.Millisecond)
	case 7:
		h.wg.Go(func() { _ = h.again(h.w.client) })
	case 8: // two hellos; the second one is declined
		h.wg.Go(func() {
			h.resuming.Lock()
			defer h.resuming.Unlock()
			first, err := core.GreetAgain(context.Background(), h.w.dial(), h.w.client)
			if err != nil {
				return
			}
			second, err := core.GreetAgain(context.Background(), h.w.dial(), h.w.client)
			if err == nil {
				first, second = second, first
				second.Decline()
			}
			_ = first.Resume()
		})
	default: // a hello that is given up, and arrives later
		cc := h.w.dial()
		cc.Delay(mem.AllLanes, time.Duration(h.rng.IntN(40))*time.Millisecond)
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+h.rng.IntN(20))*time.Millisecond)
		h.wg.Go(func() {
			defer cancel()
			if o, err := core.GreetAgain(ctx, &deafCarrier{cc, time.Second}, h.w.client); err == nil {
				o.Decline()
			}
		})
	}
}

// restart is another server in place of the one that was. It does not know the
// session, which ends; every call ends, and says what is known.
func (h *history) restart(cfg *core.Config) {
	h.mayEnd.Store(true)
	h.w.mu.Lock()
	h.w.acceptor = acceptor(h.t, cfg)
	cc := h.w.cc
	h.w.mu.Unlock()
	_ = h.w.server.Close()
	cc.Cut()
	h.wg.Wait() // all of them find out
	for n := int64(1); n <= h.next.Load(); n++ {
		if h.calls.ran[n] > 1 {
			h.errorf("call %d ran %d times", n, h.calls.ran[n])
		}
	}
	<-h.w.client.Done()
}

// check checks that nobody has noticed anything.
func (h *history) check() {
	synctest.Wait()
	if err := errors.Join(h.w.client.Err(), h.w.server.Err()); err != nil {
		h.errorf("the session has ended: %v", err)
		return
	}
	for _, s := range []*core.Session{h.w.client, h.w.server} { // behind all messages
		if err := s.Call(context.Background(), "test.Count", codec.Value[int64]{V: h.next.Add(1)}, nil); err != nil {
			h.errorf("after all: %v", err)
		}
	}
	synctest.Wait()
	for n := int64(1); n <= h.next.Load(); n++ {
		if h.calls.ran[n] != 1 {
			h.errorf("call %d ran %d times", n, h.calls.ran[n])
		}
	}
	for side, notes := range h.notes {
		if int64(len(notes)) != h.noted[side] {
			h.errorf("%d of %d messages came", len(notes), h.noted[side])
		}
		for i, n := range notes {
			if int64(i) != n {
				h.errorf("message %d came as number %d", n, i)
				break
			}
		}
	}
}
