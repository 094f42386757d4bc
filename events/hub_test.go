package events_test

import (
	"context"
	"testing"

	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/transport/mem"
)

func TestSmoke(t *testing.T) {
	for _, one := range []bool{false, true} {
		h := new(events.Hub)
		l := connect(t, config{pipe: &mem.Options{OnePipe: one}})
		if err := h.Subscribe(l.server, "a"); err != nil {
			t.Fatal(err)
		}
		for i := range uint32(10) {
			if err := h.Emit(context.Background(), "a", incremented{i, i + 1}); err != nil {
				t.Fatal(err)
			}
		}
		i := uint32(0)
		for ev := range streamOf(l.client).Events(t.Context()) {
			if ev.Event != (incremented{i, i + 1}) || ev.Topic != "a" || ev.Missed != 0 || ev.Err != nil {
				t.Fatalf("event %d is %+v", i, ev)
			}
			if i++; i == 10 {
				break
			}
		}
		h.Close()
	}
}
