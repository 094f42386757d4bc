package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// What the shards hold together is what one histogram would have held.
func TestRecorderMerges(t *testing.T) {
	r, one := NewRecorder(), newHistogram()
	for i := range 10_000 {
		d := time.Duration(i+1) * time.Microsecond
		r.Record(i%37, d)
		if err := one.RecordValue(int64(d)); err != nil {
			t.Fatal(err)
		}
	}
	got := r.Take()
	want := Latency{
		Count: 10_000,
		P50:   time.Duration(one.ValueAtQuantile(50)),
		P90:   time.Duration(one.ValueAtQuantile(90)),
		P99:   time.Duration(one.ValueAtQuantile(99)),
		P999:  time.Duration(one.ValueAtQuantile(99.9)),
		Max:   time.Duration(one.Max()),
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if exact := 5 * time.Millisecond; got.P50 < exact || got.P50 > exact*1001/1000 {
		t.Errorf("p50 %v, want %v to three digits", got.P50, exact)
	}
}

func TestRecorderTakes(t *testing.T) {
	r := NewRecorder()
	r.Record(0, time.Second)
	r.Take()
	if got := r.Take(); got != (Latency{}) {
		t.Errorf("after a take: %+v, want nothing", got)
	}
	r.Record(1, -time.Second)
	r.Record(2, time.Hour)
	if got := r.Take(); got.Count != 2 || got.Max < longest {
		t.Errorf("times out of range: %+v, want both, clamped", got)
	}
}

func TestEvents(t *testing.T) {
	event := func(number uint64) []byte {
		return Event{Number: number, Due: time.Now().Add(-time.Second)}.Append(nil)
	}
	tests := []struct {
		name    string
		deliver func(first, second func([]byte))
		counts  []uint64 // what the publisher is told
		times   int64
		err     string
	}{
		{"an event that one of two has is not complete", func(first, _ func([]byte)) {
			first(event(0))
		}, nil, 1, ""},
		{"events complete in order", func(first, second func([]byte)) {
			first(event(0))
			first(event(1))
			second(event(0))
			second(event(1))
		}, []uint64{1, 2}, 4, ""},
		{"the ring is used again", func(first, second func([]byte)) {
			for i := range uint64(slots + 1) {
				first(event(i))
				second(event(i))
			}
		}, ascending(slots + 1), 2 * (slots + 1), ""},
		{"a lost event is an error", func(first, _ func([]byte)) {
			first(event(0))
			first(event(2))
		}, nil, 1, "subscriber 0 got event 2 for event 1"},
		{"a repeated event is an error", func(_, second func([]byte)) {
			second(event(0))
			second(event(0))
		}, nil, 1, "subscriber 1 got event 0 for event 1"},
		{"a short event is an error", func(first, _ func([]byte)) {
			first(event(0)[:20])
		}, nil, 0, "event of 20 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var told bytes.Buffer
			e := NewEvents(2, &told)
			tt.deliver(e.Subscriber(0), e.Subscriber(1))
			var want []byte
			for _, n := range tt.counts {
				want = binary.BigEndian.AppendUint64(want, n)
			}
			if !bytes.Equal(told.Bytes(), want) {
				t.Errorf("told %x, want %x", told.Bytes(), want)
			}
			if err := e.Err(); tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			l := e.Latency()
			if l.Count != tt.times || e.Delivered() != uint64(tt.times) {
				t.Errorf("%d times of %d deliveries, want %d", l.Count, e.Delivered(), tt.times)
			}
			if l.Count > 0 && l.P50 < time.Second {
				t.Errorf("p50 %v: want it to begin when the event was due", l.P50)
			}
		})
	}
}

func ascending(n uint64) []uint64 {
	all := make([]uint64, n)
	for i := range all {
		all[i] = uint64(i) + 1
	}
	return all
}

// fake is a connection without a wire, whose answers are what change makes of
// the calls.
type fake struct {
	change func([]byte) ([]byte, error)
}

func (f *fake) NewCaller() peer.Caller              { return f }
func (f *fake) Call(payload []byte) ([]byte, error) { return f.change(payload) }
func (f *fake) Close() error                        { return nil }

func TestCallers(t *testing.T) {
	broken := errors.New("broken")
	enough := make(chan struct{}, 1)
	tests := []struct {
		name   string
		change func([]byte) ([]byte, error)
		want   error
	}{
		{"echo", func(b []byte) ([]byte, error) {
			select {
			case enough <- struct{}{}:
			default:
			}
			return b, nil
		}, nil},
		{"wrong reply", func([]byte) ([]byte, error) { return make([]byte, PayloadSize), nil }, errWrongReply},
		{"failure", func([]byte) ([]byte, error) { return nil, broken }, broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := StartCallers([]peer.Conn{&fake{change: tt.change}, &fake{change: tt.change}}, CallOptions{PerConn: 2})
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == nil {
				<-enough
			} else {
				c.done.Wait() // they end by themselves
			}
			if err := c.Stop(); !errors.Is(err, tt.want) {
				t.Errorf("stop: %v, want %v", err, tt.want)
			}
			if got := c.Calls(); (got > 0) != (tt.want == nil) {
				t.Errorf("%d calls answered, want some: %v", got, tt.want == nil)
			}
		})
	}
}

// pipe carries streams and items nowhere, and counts them.
type pipe struct {
	fake
	fail   error
	moved  chan struct{} // gets a token now and then
	closed bool
	sent   uint64
}

func (p *pipe) move() error {
	select {
	case p.moved <- struct{}{}:
	default:
	}
	return p.fail
}

func (p *pipe) Upload(int) error { return p.move() }

func (p *pipe) Download(size int, received func(int)) error {
	received(size)
	return p.move()
}

func (p *pipe) Send(payload []byte) error {
	if binary.BigEndian.Uint64(payload) != p.sent || len(payload) != peer.ItemSize {
		return errWrongReply
	}
	p.sent++
	return p.move()
}

func (p *pipe) Close() error {
	p.closed = true
	return nil
}

func TestTransfers(t *testing.T) {
	broken := errors.New("broken")
	for _, down := range []bool{false, true} {
		for _, want := range []error{nil, broken} {
			p := &pipe{fail: want, moved: make(chan struct{}, 1)}
			tr := StartTransfers(p, 2, 10, down)
			<-p.moved
			if want != nil {
				tr.done.Wait() // they end by themselves
			}
			if err := tr.Stop(); !errors.Is(err, want) {
				t.Errorf("down %v: stop: %v, want %v", down, err, want)
			}
			if n := tr.Received(); (n > 0) != down || n%10 != 0 {
				t.Errorf("down %v: %d bytes received", down, n)
			}
		}
	}
}

func TestItems(t *testing.T) {
	broken := errors.New("broken")
	for _, want := range []error{nil, broken} {
		p := &pipe{fail: want, moved: make(chan struct{}, 1)}
		i, err := StartItems(p, ItemOptions{})
		if err != nil {
			t.Fatal(err)
		}
		<-p.moved
		if want != nil {
			i.done.Wait() // it ends by itself
		}
		if err := i.Stop(); !errors.Is(err, want) {
			t.Errorf("stop: %v, want %v", err, want)
		}
		if !p.closed || want == nil && i.Sent() != p.sent || want != nil && i.Sent() != 0 {
			t.Errorf("closed: %v; %d counted, %d sent", p.closed, i.Sent(), p.sent)
		}
	}
}
