package events_test

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/transport/mem"
)

// overPipes runs a test over lanes that share a pipe and over independent ones.
func overPipes(t *testing.T, test func(t *testing.T, pipe *mem.Options)) {
	t.Run("OnePipe", func(t *testing.T) { test(t, &mem.Options{OnePipe: true}) })
	t.Run("Independent", func(t *testing.T) { test(t, &mem.Options{}) })
}

// bubble runs a test in fake time, over both kinds of pipes.
func bubble(t *testing.T, test func(t *testing.T, pipe *mem.Options)) {
	overPipes(t, func(t *testing.T, pipe *mem.Options) {
		// Package core keeps channels in a sync.Pool, and those of another
		// bubble must not be found there.
		runtime.GC()
		runtime.GC()
		synctest.Test(t, func(t *testing.T) { test(t, pipe) })
	})
}

// sink records what a session receives of the family "counter", marks of
// subscriptions included.
type sink struct {
	mu     sync.Mutex
	events []core.Event
}

func (s *sink) ReceiveEvent(ev core.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, ev)
}

func (s *sink) EventsEnded(error) {}

func (s *sink) all() []core.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

func record(t testing.TB, s *core.Session) *sink {
	t.Helper()
	v := new(sink)
	if err := s.ReceiveEvents("counter", v); err != nil {
		t.Fatal(err)
	}
	return v
}

// numbers returns the numbers that arrived in a topic, and how many were
// missed.
func (s *sink) numbers(t testing.TB, topic events.Topic) (numbers []uint64, missed uint64) {
	t.Helper()
	for _, ev := range s.all() {
		if ev.Topic != string(topic) {
			continue
		}
		missed += ev.Missed
		if ev.Kind == core.Emitted {
			numbers = append(numbers, numberIn(t, ev.Payload))
		}
	}
	return numbers, missed
}

func numberIn(t testing.TB, payload []byte) uint64 {
	t.Helper()
	var v number
	if err := v.ReadMsgpack(codec.NewReader(payload, nil)); err != nil {
		t.Fatal(err)
	}
	return v.N
}

func subscribe(t testing.TB, h *events.Hub, s *core.Session, topic events.Topic) {
	t.Helper()
	if err := h.Subscribe(s, topic); err != nil {
		t.Fatal(err)
	}
}

func emit(t testing.TB, h *events.Hub, topic events.Topic, n uint64) {
	t.Helper()
	if err := h.Emit(t.Context(), topic, number{N: n}); err != nil {
		t.Fatal(err)
	}
}

func upTo(n uint64) []uint64 {
	numbers := make([]uint64, n)
	for i := range numbers {
		numbers[i] = uint64(i)
	}
	return numbers
}

func expect(t testing.TB, s *sink, topic events.Topic, want []uint64) {
	t.Helper()
	if got, missed := s.numbers(t, topic); !slices.Equal(got, want) || missed != 0 {
		t.Errorf("topic %q: got %v and missed %d, want %v", topic, got, missed, want)
	}
}
