package core_test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/mem"
)

// An aired carrier has datagrams, which may get lost.
type aired struct {
	*mem.Carrier
	other   *aired
	lost    atomic.Bool
	losses  atomic.Uint64 // what Lost returns
	slow    atomic.Int64  // how long Send takes, in nanoseconds
	sent    atomic.Int32
	arrives chan []byte // closed with the test
	readers sync.WaitGroup
}

func (a *aired) DatagramSize() int { return transport.MaxDatagram }

func (a *aired) Send(lane int, b []byte) error {
	if d := a.slow.Load(); d > 0 {
		time.Sleep(time.Duration(d))
	}
	return a.Carrier.Send(lane, b)
}

func (a *aired) Lost() uint64 { return a.losses.Load() }

func (a *aired) SendDatagram(b []byte) error {
	a.sent.Add(1)
	if !a.lost.Load() {
		a.other.arrives <- slices.Clone(b)
	}
	return nil
}

func (a *aired) DeliverDatagrams(deliver func(b []byte) error) {
	a.readers.Go(func() {
		for b := range a.arrives {
			if deliver(b) != nil {
				return
			}
		}
	})
}

// A listener is a watcher that may be told something while nobody waits.
type listener struct {
	mu sync.Mutex
	watcher
}

func (l *listener) ReceiveEvent(ev core.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watcher.ReceiveEvent(ev)
}

func (l *listener) check(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watcher.check(t, want...)
}

// connectAired begins a session over carriers with datagrams, which end returns.
func connectAired(t *testing.T, o *mem.Options, server, client *core.Config) (to, from *core.Session, cc, sc *aired, end func()) {
	t.Helper()
	near, far := mem.Pipe(o)
	cc, sc = &aired{Carrier: near, arrives: make(chan []byte, 100)}, &aired{Carrier: far, arrives: make(chan []byte, 100)}
	cc.other, sc.other = sc, cc
	a := acceptor(t, server)
	began := make(chan *core.Session, 1)
	a.Began = func(s *core.Session) { began <- s }
	serve(t, a, sc)
	offer, err := greet(t, cc, client, core.ID{1})
	if err != nil {
		t.Fatal(err)
	}
	to = offer.Accept()
	from = <-began
	return to, from, cc, sc, func() {
		_ = to.Close()
		<-from.Done()
		for _, c := range []*aired{cc, sc} {
			close(c.arrives)
			c.readers.Wait()
		}
	}
}

// The newest event of a topic goes by datagram and comes at once; if that is
// lost, it comes 50 ms later (clauses 7.8 and 7.9).
func TestLatest(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		to, from, _, sc, end := connectAired(t, o, &core.Config{}, &core.Config{})
		defer end()
		testLatest(t, from, to, sc)
	})
}

func testLatest(t *testing.T, from, to *core.Session, sc *aired) {
	sub, err := from.Subscribe("t", core.Latest)
	if err != nil {
		t.Fatal(err)
	}
	emit := func(text string) {
		t.Helper()
		flush, err := sub.Emit("f.E", []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		if flush {
			from.Flush()
		}
	}
	got := new(listener)
	if err := to.ReceiveEvents("f", got); err != nil {
		t.Fatal(err)
	}
	sent := func(want int32) {
		t.Helper()
		if n := sc.sent.Load(); n != want {
			t.Errorf("%d datagrams were sent, not %d", n, want)
		}
	}
	event := func(text string) string { return "0t.f.E0 " + text }
	emit("first")
	got.check(t, "1t.0 ", event("first"))
	emit("second")
	got.check(t, event("second"))
	sent(1)

	sc.lost.Store(true)
	emit("third")
	time.Sleep(10 * time.Millisecond)
	emit("fourth")
	time.Sleep(49 * time.Millisecond)
	got.check(t)
	time.Sleep(2 * time.Millisecond)
	got.check(t, event("fourth"))
	sent(3)

	large := strings.Repeat("x", 2*transport.MaxDatagram)
	emit(large)
	got.check(t, event(large))
	time.Sleep(time.Second)
	got.check(t)
	sent(3)
}
