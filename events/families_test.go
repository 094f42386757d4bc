package events_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/transport/mem"
)

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
