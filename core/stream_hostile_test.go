package core_test

import (
	"context"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport/mem"
)

// A hostile is a client that sends what it likes.
type hostile struct {
	t       *testing.T
	cc      *mem.Carrier
	end     chan error
	onePipe bool
	session *core.Session // at the server
	seq     [frame.MaxLanes]uint64

	mu      sync.Mutex
	windows map[uint64]uint64 // of its streams in slot 0, by call
	replies int
}

// newHostile shakes hands with a server. With deaf it reads nothing more.
func newHostile(t *testing.T, o *mem.Options, a *core.Acceptor, deaf bool) *hostile {
	h := &hostile{t: t, onePipe: o.OnePipe, end: make(chan error, 1), windows: map[uint64]uint64{}}
	began := make(chan *core.Session, 1)
	was := a.Began
	a.Began = func(s *core.Session) { began <- s }
	var sc *mem.Carrier
	h.cc, sc = mem.Pipe(o)
	serve(t, a, sc)
	welcome, hangup := make(chan bool, 1), make(chan bool)
	go func() {
		h.end <- h.cc.Receive(func(_ int, b []byte) error {
			for len(b) > 0 {
				var f frame.Frame
				n, err := f.Parse(b)
				if err != nil {
					t.Error(err)
					return err
				}
				b = b[n:]
				if f.Kind == frame.Welcome {
					welcome <- true
					continue
				}
				if deaf {
					<-hangup
				}
				h.read(&f)
			}
			return nil
		})
	}()
	t.Cleanup(func() { close(hangup); h.cc.Close(0, ""); synctest.Wait() })
	attempt := make([]byte, 16)
	attempt[3] = 9
	if err := h.cc.Send(0, frameOf(frame.Hello, hello("v", 1, "lanes", 5, "attempt", attempt,
		"calls", 100, "streams", 1000, "stream", 1<<30, "large", 1<<20, "max", 1<<20))); err != nil {
		t.Fatal(err)
	}
	<-welcome
	if h.onePipe {
		h.send(0, frame.Frame{Kind: frame.Attach, Flags: frame.AllLanes, ID: 1})
	} else {
		for lane := range uint8(5) {
			h.send(int(lane), frame.Frame{Kind: frame.Attach, Lane: lane, ID: 1})
		}
	}
	h.session = <-began
	a.Began = was
	return h
}

func (h *hostile) read(f *frame.Frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch f.Kind {
	case frame.Window:
		h.windows[f.ID] = f.Next
	case frame.Reply:
		h.replies++
	}
}

// window is how much of a stream may be sent.
func (h *hostile) window(call uint64) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.windows[call]
}

// send sends frames of one lane in a batch. It returns the carrier's error.
func (h *hostile) send(lane int, fs ...frame.Frame) error {
	var b []byte
	for i := range fs {
		f := &fs[i]
		f.Lane = uint8(lane)
		if f.Kind.Numbered() {
			f.Seq = h.seq[lane]
			h.seq[lane]++
		}
		b = frame.Append(b, f)
	}
	if h.onePipe {
		lane = 0
	}
	return h.cc.Send(lane, b)
}

func callOf(id uint64, method string) frame.Frame {
	return frame.Frame{Kind: frame.Call, ID: id, Name: []byte(method)}
}

func dataOf(id, slot uint64, flags frame.Flags, n int) frame.Frame {
	return frame.Frame{Kind: frame.Data, ID: id, Slot: slot, Flags: flags, Payload: make([]byte, n)}
}

// heap is what the process holds, in bytes.
func heap() int {
	runtime.GC()
	runtime.GC() // empties pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// unmoved fails unless another session of the same acceptor has its call and
// its stream carried, in no time (invariant 8).
func unmoved(t *testing.T, p *pair) {
	t.Helper()
	within(t, 0, func() {
		if v, err := call(t.Context(), p.client, "test.Echo", "hello"); v != "hello" || err != nil {
			t.Errorf("another session's Echo = %q, %v", v, err)
		}
	})
	within(t, time.Second, func() {
		x := begin(t, p.client, "test.Back")
		go func() {
			w := x.Writer(0, core.Bulk)
			_, _ = w.Write(pattern(300_000))
			_ = w.Close()
		}()
		if b, err := io.ReadAll(x.Reader(0)); len(b) != 300_000 || err != nil {
			t.Errorf("another session's stream: %d bytes, %v", len(b), err)
		}
		if err := x.Result(nil); err != nil {
			t.Error(err)
		}
	})
}

// attack runs a test of a hostile client and a well-behaved session beside it.
func attack(t *testing.T, deaf bool, handlers map[string]core.Handler, test func(t *testing.T, h *hostile, others *pair)) {
	run(t, func(t *testing.T, o *mem.Options) {
		handlers["test.Echo"], handlers["test.Back"] = echo, back
		cfg, _ := serving(handlers)
		others := connect(t, o, cfg, cfg)
		h := newHostile(t, o, acceptor(t, cfg), deaf)
		test(t, h, others)
		unmoved(t, others)
	})
}

// A peer that opens all the streams that it may and fills their windows makes
// a program hold no more than StreamsBytes. One byte more, one stream more or
// what goes on after its end is the end of its session.
func TestHostileStreams(t *testing.T) {
	ends := map[string]func(h *hostile, sent []uint64) frame.Frame{
		"beyond the window": func(h *hostile, sent []uint64) frame.Frame {
			return dataOf(7, 0, 0, int(h.window(7)-sent[7])+1)
		},
		"beyond the number": func(*hostile, []uint64) frame.Frame { return dataOf(8, 5, frame.First, 1) },
		"begun twice":       func(*hostile, []uint64) frame.Frame { return dataOf(9, 0, frame.First, 1) },
		"after its end":     func(*hostile, []uint64) frame.Frame { return dataOf(1, 0, 0, 0) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			var ended atomic.Int32
			attack(t, false, map[string]core.Handler{"test.Hold": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				defer ended.Add(1)
				in := r.Reader(0)
				<-ctx.Done()
				_, err := io.Copy(io.Discard, in)
				return nil, err
			}}, func(t *testing.T, h *hostile, others *pair) {
				ended.Store(0)
				before := heap()
				sent := make([]uint64, 101)
				for id := uint64(1); id <= 100; id++ {
					_ = h.send(1, callOf(id, "test.Hold"))
					_ = h.send(3, dataOf(id, 0, frame.First, 1000))
					sent[id] = 1000
				}
				synctest.Wait()
				for id := uint64(1); id <= 100; id++ {
					for left := int(h.window(id) - sent[id]); left > 0 && h.window(id) > 0; left = int(h.window(id) - sent[id]) {
						n := min(left-1, frame.MaxPayload)
						if n == 0 {
							break
						}
						_ = h.send(3, dataOf(id, 0, 0, n))
						sent[id] += uint64(n)
					}
				}
				_ = h.send(3, dataOf(1, 0, frame.Last, 0))
				synctest.Wait()
				if h.session.Err() != nil {
					t.Fatalf("the session ended early: %v", h.session.Err())
				}
				if grown := heap() - before; grown > 16<<20+4<<20 {
					t.Errorf("%d bytes are held", grown)
				}
				unmoved(t, others)
				_ = h.send(3, end(h, sent))
				wantCode(t, must(t, h.end), twinwire.ProtocolError)
				wantCode(t, h.session.Err(), twinwire.ProtocolError)
				synctest.Wait()
				if n := ended.Load(); n != 100 {
					t.Errorf("%d of 100 handlers have returned", n)
				}
				if left := heap() - before; left > 4<<20 {
					t.Errorf("%d bytes are still held", left)
				}
			})
		})
	}
}

// A peer that sends streams of calls that never come, whole ones too, gets no
// further than the number of streams (12.3).
func TestHostileEarlyStreams(t *testing.T) {
	attack(t, false, map[string]core.Handler{}, func(t *testing.T, h *hostile, _ *pair) {
		var err error
		n := 0
		for ; err == nil && n < 10_000; n++ {
			err = h.send(3, dataOf(uint64(n+10), 0, frame.First|frame.Last, 0))
			synctest.Wait()
		}
		wantCode(t, must(t, h.end), twinwire.ProtocolError)
		if n > 110 {
			t.Errorf("%d streams were taken", n)
		}
	})
}

// A peer that lets handlers write and never reads is cut off, and they return.
// Until then no more than their buffers wait.
func TestHostileDeaf(t *testing.T) {
	const calls = 100
	var ended atomic.Int32
	attack(t, true, map[string]core.Handler{"test.Flood": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
		defer ended.Add(1)
		w := r.Writer(0, core.Bulk)
		for {
			if _, err := w.Write(make([]byte, 10_000)); err != nil {
				return nil, err
			}
		}
	}}, func(t *testing.T, h *hostile, others *pair) {
		ended.Store(0)
		before := heap()
		for id := uint64(1); id <= calls; id++ {
			_ = h.send(1, callOf(id, "test.Flood"))
		}
		synctest.Wait()
		if grown := heap() - before; grown > calls*160<<10+4<<20 {
			t.Errorf("%d bytes are held", grown)
		}
		unmoved(t, others)
		<-h.session.Done()
		synctest.Wait()
		if n := ended.Load(); n != calls {
			t.Errorf("%d of %d handlers have returned", n, calls)
		}
		if left := heap() - before; left > 4<<20 {
			t.Errorf("%d bytes are still held", left)
		}
	})
}

// A peer that begins calls with streams and cancels them at once has no more
// handlers run than it may have calls, and leaves nothing behind (rapid reset).
func TestHostileCancel(t *testing.T) {
	n := uint64(5_000)
	if testing.Short() {
		n = 1_000
	}
	var running, most atomic.Int32
	attack(t, false, map[string]core.Handler{"test.Both": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		w := r.Writer(0, core.Bulk)
		_, err := io.Copy(w, r.Reader(0))
		<-ctx.Done()
		return nil, err
	}}, func(t *testing.T, h *hostile, _ *pair) {
		before := heap()
		const together = 50
		for id := uint64(1); id <= n; {
			var calls, streams, cancels []frame.Frame
			for range together {
				calls = append(calls, callOf(id, "test.Both"))
				streams = append(streams, dataOf(id, 0, frame.First, 100))
				cancels = append(cancels, frame.Frame{Kind: frame.Cancel, ID: id, Code: uint16(twinwire.Canceled)})
				id++
			}
			if h.send(1, calls...) != nil || h.send(3, streams...) != nil || h.send(1, cancels...) != nil {
				t.Fatal(must(t, h.end))
			}
			time.Sleep(3 * time.Millisecond) // calls may have been served where they were read
			synctest.Wait()
		}
		if uint64(h.replies) != n || running.Load() != 0 || most.Load() > 256 {
			t.Errorf("%d of %d calls were answered, %d handlers run, %d did at once", h.replies, n, running.Load(), most.Load())
		}
		if left := heap() - before; left > 4<<20 {
			t.Errorf("%d bytes are still held", left)
		}
	})
}
