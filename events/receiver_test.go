package events_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/transport/mem"
)

// take takes n numbers from an iterator, and then leaves it.
func take(t testing.TB, r *events.Receiver, n int) (numbers []uint64) {
	t.Helper()
	for ev := range r.All(t.Context()) {
		if ev.Kind == core.Emitted {
			if numbers = append(numbers, numberIn(t, ev.Payload)); len(numbers) == n {
				break
			}
		}
	}
	return numbers
}

func TestWhatArrivesBeforeAnIteratorWaits(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		subscribe(t, &h, l.server, "x")
		emit(t, &h, "x", 0)
		synctest.Wait() // before there is a receiver
		r := events.ReceiverOf(l.client, "counter")
		emit(t, &h, "x", 1)
		synctest.Wait()
		if got := take(t, r, 1); !slices.Equal(got, []uint64{0}) {
			t.Errorf("first loop got %v", got)
		}
		emit(t, &h, "x", 2) // while no loop runs
		synctest.Wait()
		if got := take(t, r, 2); !slices.Equal(got, []uint64{1, 2}) {
			t.Errorf("second loop got %v", got)
		}
		if events.ReceiverOf(l.client, "counter") != r {
			t.Error("a family has two receivers")
		}
	})
}

// What waits is at most Limits.UnreadBytes; the rest is told as missed.
func TestWhatWaitsIsBounded(t *testing.T) {
	for _, claimed := range []bool{false, true} {
		bubble(t, func(t *testing.T, pipe *mem.Options) {
			var h events.Hub
			l := connect(t, config{pipe: pipe})
			subscribe(t, &h, l.server, "x")
			if claimed {
				events.ReceiverOf(l.client, "counter")
			}
			const emitted, size = 200, 20_000
			for n := range uint64(emitted) {
				if err := h.Emit(t.Context(), "x", number{N: n, Pad: size}); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			var got []uint64
			missed := uint64(0)
			for ev := range streamOf(l.client).Events(t.Context()) {
				missed += ev.Missed
				if got = append(got, ev.Event.(number).N); ev.Event.(number).N == emitted-1 {
					break
				}
			}
			if most := (1 << 20) / size; len(got) > most || len(got) < most-2 || int(missed)+len(got) != emitted {
				t.Errorf("claimed %v: %d waited and %d were missed, of %d", claimed, len(got), missed, emitted)
			}
		})
	}
}

func TestIteratorsBesideEachOther(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		r := events.ReceiverOf(l.client, "counter")
		subscribe(t, &h, l.server, "x")
		emit(t, &h, "x", 0)
		var wg sync.WaitGroup
		var first, second []uint64
		wg.Go(func() { first = take(t, r, 3) })
		synctest.Wait()
		wg.Go(func() { second = take(t, r, 2) })
		synctest.Wait()
		emit(t, &h, "x", 1)
		emit(t, &h, "x", 2)
		wg.Wait()
		if !slices.Equal(first, upTo(3)) || !slices.Equal(second, upTo(3)[1:]) {
			t.Errorf("got %v and %v", first, second)
		}
	})
}

// A loop that is slow loses its own events, visibly, and nobody else's.
func TestSlowIterator(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		stream := streamOf(l.client)
		subscribe(t, &h, l.server, "x")
		gate := make(chan struct{})
		const emitted = 500
		count := func(ctx context.Context, wait bool) (got, missed uint64) {
			for ev := range stream.Events(ctx) {
				if wait {
					<-gate
				}
				if missed += ev.Missed; ev.Type != "" {
					got++
				}
				if got+missed == emitted {
					break
				}
			}
			return got, missed
		}
		var wg sync.WaitGroup
		var slow, fast [2]uint64
		wg.Go(func() { slow[0], slow[1] = count(events.WithBuffer(t.Context(), 4096, core.DropOldest), true) })
		wg.Go(func() { fast[0], fast[1] = count(t.Context(), false) })
		synctest.Wait()
		for n := range uint64(emitted) {
			emit(t, &h, "x", n)
			synctest.Wait()
		}
		close(gate)
		wg.Wait()
		if fast != [2]uint64{emitted, 0} {
			t.Errorf("the fast one got %d and missed %d", fast[0], fast[1])
		}
		if slow[0] > 70 || slow[0] < 30 || slow[0]+slow[1] != emitted {
			t.Errorf("the slow one got %d and missed %d", slow[0], slow[1])
		}
	})
}

func TestIteratorThatMayNotLoseAnything(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		subscribe(t, &h, l.server, "x")
		stream := streamOf(l.client)
		gate := make(chan struct{})
		var got []uint64
		var wg sync.WaitGroup
		wg.Go(func() {
			for ev := range stream.Events(events.WithBuffer(t.Context(), 4096, core.Disconnect)) {
				<-gate
				got = append(got, ev.Event.(number).N)
				if ev.Missed > 0 {
					t.Errorf("missed %d", ev.Missed)
				}
			}
		})
		synctest.Wait()
		for n := range uint64(200) {
			emit(t, &h, "x", n)
			synctest.Wait()
		}
		close(gate)
		wg.Wait()
		if len(got) < 30 || !slices.Equal(got, upTo(uint64(len(got)))) {
			t.Errorf("got %v", got)
		}
		<-l.client.Done()
		<-l.server.Done()
		if err := stream.Err(); !errors.Is(err, twinwire.SlowConsumer) {
			t.Errorf("the session ended with %v, want SlowConsumer", err)
		}
	})
}

func TestIteratorsEndWithTheSession(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		subscribe(t, &h, l.server, "x")
		r := events.ReceiverOf(l.client, "counter")
		var got []uint64
		var wg sync.WaitGroup
		wg.Go(func() { got = take(t, r, -1) })
		for n := range uint64(10) {
			emit(t, &h, "x", n)
		}
		if err := r.Err(); err != nil {
			t.Errorf("Err of a live session is %v", err)
		}
		_ = l.server.Close() // what was queued before arrives
		wg.Wait()
		if !slices.Equal(got, upTo(10)) {
			t.Errorf("got %v", got)
		}
		if err := r.Err(); err == nil || err != l.client.Err() {
			t.Errorf("Err is %v, and the session's is %v", err, l.client.Err())
		}
		if got := take(t, r, 1); got != nil {
			t.Errorf("an iterator after the end got %v", got)
		}
		if got := take(t, events.ReceiverOf(l.client, "late"), 1); got != nil {
			t.Errorf("a receiver after the end got %v", got)
		}
	})
}

func TestIteratorsEndWithTheirContext(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		l := connect(t, config{pipe: pipe})
		r := events.ReceiverOf(l.client, "counter")
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for range r.All(ctx) {
					t.Error("something arrived")
				}
			})
		}
		synctest.Wait()
		cancel()
		wg.Wait()
		if r.Err() != nil {
			t.Errorf("Err is %v", r.Err())
		}
	})
}

func TestEventsThatCannotBeDecoded(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		subscribe(t, &h, l.server, "x")
		stream := events.StreamOf(events.ReceiverOf(l.client, "counter"), func(typ string, r *codec.Reader) (events.Event, error) {
			if typ == "counter.Panics" {
				panic("no idea")
			}
			if typ == "counter.Wrapped" {
				return nil, fmt.Errorf("not %w", events.ErrUnknownType)
			}
			return decode(typ, r)
		})
		for _, ev := range []events.Event{
			number{N: 1},
			events.Raw{Type: "counter.Newer", Payload: codec.Raw{0xc0}},
			events.Raw{Type: "counter.Wrapped"},
			events.Raw{Type: "other.Incremented"},
			events.Raw{Type: "counter.Number", Payload: codec.Raw{0xa1, 'x'}},
			events.Raw{Type: "counter.Number", Payload: codec.Raw{0xdd, 0xff, 0xff, 0xff, 0xff}},
			events.Raw{Type: "counter.Number", Payload: codec.Raw{0x92, 0x05, 0xc4, 0x00, 0xc0}}, // trailing
			events.Raw{Type: "counter.Panics"},
			incremented{3, 4},
		} {
			if err := h.Emit(t.Context(), "x", ev); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for ev := range stream.Events(t.Context()) {
			switch {
			case ev.Err == nil:
				got = append(got, fmt.Sprint(ev.Event))
			case !errors.Is(ev.Err, twinwire.BadRequest) || ev.Event != nil || ev.Payload == nil:
				t.Errorf("%+v", ev)
			default:
				got = append(got, "error")
			}
			if ev.Event == (incremented{3, 4}) {
				break
			}
		}
		want := []string{"{1 0}", "error", "error", "error", "error", "{3 4}"}
		if !slices.Equal(got, want) || stream.Unknown() != 2 {
			t.Errorf("got %v and %d unknown, want %v and 2", got, stream.Unknown(), want)
		}
	})
}

// What was missed before an event of an unknown type is told all the same.
func TestMissedBeforeAnUnknownType(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		pipe.Buffer = 1
		var h events.Hub
		l := connect(t, config{pipe: pipe, limits: small})
		subscribe(t, &h, l.server, "x")
		emit(t, &h, "x", 0)
		synctest.Wait()
		l.stall()
		const emitted = 300
		for n := range emitted {
			typ := "counter.Number"
			if n > emitted-150 {
				typ = "counter.Newer"
			}
			if err := h.Emit(t.Context(), "x", events.Raw{Type: typ, Payload: codec.Raw{0x92, 0x00, 0xc4, 0x00}}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		l.unstall()
		synctest.Wait()
		emit(t, &h, "x", 1)
		stream := streamOf(l.client)
		got, missed := uint64(0), uint64(0)
		for ev := range stream.Events(t.Context()) {
			missed += ev.Missed
			if ev.Type == "" {
				continue
			}
			if got++; ev.Event == (number{N: 1}) {
				break
			}
		}
		if got+missed+stream.Unknown() != emitted+2 || missed == 0 {
			t.Errorf("%d events, %d unknown and %d missed, of %d", got, stream.Unknown(), missed, emitted+2)
		}
	})
}

// Families are received on their own, and a gap is told to those that use the
// topic.
func TestFamiliesBesideEachOther(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		pipe.Buffer = 1
		var h events.Hub
		l := connect(t, config{pipe: pipe, limits: small})
		counters := record(t, l.client)
		chats := new(sink)
		if err := l.client.ReceiveEvents("chat", chats); err != nil {
			t.Fatal(err)
		}
		if err := l.client.ReceiveEvents("chat", chats); !errors.Is(err, twinwire.AlreadyExists) {
			t.Errorf("a second receiver: %v", err)
		}
		said := func(topic events.Topic, n int) {
			raw := events.Raw{Type: "chat.Said", Payload: codec.Raw{0x92, byte(n % 128), 0xc4, 0x00}}
			if err := h.Emit(t.Context(), topic, raw); err != nil {
				t.Fatal(err)
			}
		}
		for _, topic := range []events.Topic{"c", "s", "both"} {
			subscribe(t, &h, l.server, topic)
		}
		all := func(n int) {
			emit(t, &h, "c", uint64(n))
			said("s", n)
			said("both", n)
			emit(t, &h, "both", uint64(n))
			synctest.Wait()
		}
		all(0)
		l.stall()
		for n := range 200 {
			all(n)
		}
		l.unstall()
		synctest.Wait()
		for _, c := range []struct {
			who    string
			in     *sink
			topic  events.Topic
			misses bool
		}{
			{"counter", counters, "c", true}, {"counter", counters, "s", false}, {"counter", counters, "both", true},
			{"chat", chats, "c", false}, {"chat", chats, "s", true}, {"chat", chats, "both", true},
		} {
			got, missed := c.in.numbers(t, c.topic)
			if c.misses != (missed > 0) {
				t.Errorf("%s was told of %d missed in %s", c.who, missed, c.topic)
			}
			if c.topic != "both" && c.misses && len(got)+int(missed) != 201 {
				t.Errorf("%s got %d and missed %d in %s, want 201 in all", c.who, len(got), missed, c.topic)
			}
		}
	})
}

// A family that is received late is told of the topics that there are, and
// gets what waited of it alone.
func TestLateReceiver(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		subscribe(t, &h, l.server, "gone")
		emit(t, &h, "gone", 1)
		synctest.Wait()
		h.Unsubscribe(l.server, "gone")
		subscribe(t, &h, l.server, "x")
		for n := range uint64(3) {
			emit(t, &h, "x", n)
			if err := h.Emit(t.Context(), "x", events.Raw{Type: "chat.Said"}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		in := record(t, l.client)
		var got []string
		for _, ev := range in.all() {
			got = append(got, fmt.Sprint(ev.Kind, " ", ev.Topic, " ", ev.Type))
		}
		want := []string{"1 x ", "0 gone counter.Number", "0 x counter.Number", "0 x counter.Number", "0 x counter.Number"}
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		chats := 0
		for ev := range events.ReceiverOf(l.client, "chat").All(t.Context()) {
			if ev.Kind != core.Emitted {
				continue
			}
			if chats++; chats == 3 {
				break
			}
		}
		if _, err := codec.NewReader(nil, nil), l.client.Err(); err != nil {
			t.Error(err)
		}
	})
}

func TestReceiverOfATakenFamily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := connect(t, config{})
		record(t, l.client)
		r := events.ReceiverOf(l.client, "counter")
		for range r.All(t.Context()) {
			t.Error("something arrived")
		}
		if err := r.Err(); !errors.Is(err, twinwire.AlreadyExists) {
			t.Errorf("Err is %v, want AlreadyExists", err)
		}
	})
}

// Both ends may emit.
func TestClientEmits(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		in := record(t, l.server)
		subscribe(t, &h, l.client, "x")
		emit(t, &h, "x", 5)
		synctest.Wait()
		expect(t, in, "x", []uint64{5})
	})
}

// Large events are whole, and leave small ones of other sessions alone.
func TestLargeEvents(t *testing.T) {
	bubble(t, func(t *testing.T, pipe *mem.Options) {
		var h events.Hub
		l := connect(t, config{pipe: pipe})
		in := record(t, l.client)
		subscribe(t, &h, l.server, "x")
		if err := h.Emit(t.Context(), "x", number{N: 1, Pad: 3 << 20}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		emit(t, &h, "x", 2)
		synctest.Wait()
		expect(t, in, "x", []uint64{1, 2})
		if all := in.all(); len(all[len(all)-2].Payload) < 3<<20 {
			t.Error("the large event is short")
		}
	})
}

func TestTopicEncoding(t *testing.T) {
	for _, c := range []struct {
		topic events.Topic
		bytes string
	}{
		{"", "\xa0"},
		{"room/7", "\xa6room/7"},
		{"ä", "\xa2ä"},
		{"\xff\x00", "\xc4\x02\xff\x00"},
		{events.Topic(strings.Repeat("x", 255)), "\xd9\xff" + strings.Repeat("x", 255)},
	} {
		b, err := c.topic.AppendMsgpack(nil)
		if err != nil || string(b) != c.bytes {
			t.Errorf("%q is %q, %v, want %q", c.topic, b, err, c.bytes)
		}
		var got events.Topic
		r := codec.NewReader(b, nil)
		if err := got.ReadMsgpack(r); err != nil || r.Finish() != nil || got != c.topic {
			t.Errorf("%q came back as %q, %v", c.topic, got, err)
		}
	}
	if _, err := events.Topic(strings.Repeat("x", 256)).AppendMsgpack(nil); !errors.Is(err, twinwire.TooLarge) {
		t.Errorf("a long name: %v", err)
	}
	for _, c := range []struct {
		bytes string
		err   error
	}{
		{"\xc4\x01a", nil}, // a Uint8Array that happens to be text
		{"\xd9\x80" + strings.Repeat("x", 128), nil},
		{"\xda\x01\x00" + strings.Repeat("x", 256), codec.ErrLimit},
		{"\xc5\x01\x00" + strings.Repeat("x", 256), codec.ErrLimit},
		{"\xa1\xff", codec.ErrUTF8},
		{"\xc0", codec.ErrType},
		{"\x05", codec.ErrType},
		{"", codec.ErrTruncated},
	} {
		got := events.Topic("before")
		err := got.ReadMsgpack(codec.NewReader([]byte(c.bytes), nil))
		if !errors.Is(err, c.err) {
			t.Errorf("reading %q: %v, want %v", c.bytes, err, c.err)
		}
		if err != nil && got != "before" {
			t.Errorf("reading %q changed the topic to %q", c.bytes, got)
		}
	}
}
