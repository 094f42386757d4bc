package events_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/transport/mem"
)

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
