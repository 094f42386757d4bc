package many

import (
	"context"
	"testing"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/pair"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

type both struct {
	a    *ASession
	b    *BSession
	back Back
}

func (h both) Do(ctx context.Context, n int) (int, error) {
	if h.a != nil {
		return n + 1, h.a.State.Update(func(s *One) { s.N = n })
	}
	return n + 2, h.b.State.Update(func(s *Two) { s.Last = &One{n} })
}

func (h both) Other(ctx context.Context) (*Two, error) {
	answer, err := h.back.Ask(ctx, "how many?")
	return &Two{Ones: make([]One, len(answer))}, err
}

type back struct{}

func (back) Ask(_ context.Context, question string) (string, error) { return question, nil }

// Several services of a package are served side by side, and the client serves
// the server by the same means.
func TestServices(t *testing.T) {
	hub := new(events.Hub)
	defer hub.Close()
	services := []*core.Service{
		NewAService(hub, func(s *ASession) A { return both{a: s} }),
		NewBService(hub, func(s *BSession) B {
			c, err := NewBackClient(s.Session)
			if err != nil {
				t.Error(err)
			}
			return both{b: s, back: c}
		}),
	}
	_, session := pair.Connect(t, services, []*core.Service{NewBackService(func(*BackSession) Back { return back{} })})
	a, err := NewAClient(session)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewBClient(session)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if n, err := a.Do(ctx, 1); n != 2 || err != nil {
		t.Errorf("a.Do: %d, %v", n, err)
	}
	if n, err := b.Do(ctx, 1); n != 3 || err != nil {
		t.Errorf("b.Do: %d, %v", n, err)
	}
	if two, err := b.Other(ctx); err != nil || len(two.Ones) != len("how many?") {
		t.Errorf("b.Other: %+v, %v", two, err)
	}
	one, _ := a.State().Load()
	two, _ := b.State().Load()
	if one.N != 1 || two.Last == nil || two.Last.N != 1 {
		t.Errorf("states %+v, %+v", one, two)
	}
}

// Wire names are what the directives say.
func TestNames(t *testing.T) {
	if got := (Tick{}).EventType(); got != "many/a.Tick" {
		t.Errorf("event of a service is called %q", got)
	}
	if got := (Alarm{}).EventType(); got != "alarms.Alarm" {
		t.Errorf("event without a service is called %q", got)
	}
	if s := NewAService(nil, nil); s.Methods["many/a.Do"] == nil || len(s.Methods) != 1 {
		t.Errorf("methods %v", s.Methods)
	}
}
