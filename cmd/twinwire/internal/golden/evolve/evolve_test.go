// Package evolve holds two versions of a contract against each other.
package evolve

import (
	"context"
	"fmt"
	"testing"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/evolve/v1"
	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/evolve/v2"
	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/pair"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

type newRoom struct{ s *v2.Session }

func (r newRoom) Enter(_ context.Context, name string) (int, error) { return len(name), nil }

func (r newRoom) Say(ctx context.Context, loud bool, text string, to []string) (v2.Line, error) {
	line := v2.Line{At: 5, Text: fmt.Sprint(text, loud, to)}
	for _, change := range []func(*v2.State){
		func(s *v2.State) { s.Title, s.Lines = "room", []v2.Line{{Text: "first"}, {Text: "second"}} },
		func(s *v2.State) {
			s.Lines[1].At, s.Lines[1].Text = 9, "changed"
			s.Extra = map[string]int{"x": 1}
			s.Seats = map[string]v2.Line{"a": {At: 1, Text: "A"}, "b": {Text: "B"}}
		},
		func(s *v2.State) {
			s.Seats["a"] = v2.Line{At: 2, Text: "AA"}
			s.Extra["y"] = 2
			s.Lines = append(s.Lines, v2.Line{At: 3, Text: "third"})
		},
	} {
		if err := r.s.State.Update(change); err != nil {
			return line, err
		}
	}
	if err := r.s.Emit(ctx, "room", v2.Left{By: "x"}); err != nil {
		return line, err
	}
	return line, r.s.Emit(ctx, "room", v2.Said{By: "x", Line: line})
}

func (r newRoom) Leave(context.Context) error { return nil }

// An old client works with a new server.
func TestOldClient(t *testing.T) {
	hub := new(events.Hub)
	defer hub.Close()
	service := v2.NewService(hub, func(s *v2.Session) v2.Room {
		if err := s.Subscribe("room"); err != nil {
			t.Error(err)
		}
		return newRoom{s}
	})
	_, session := pair.Connect(t, []*core.Service{service}, nil)
	c, err := v1.NewClient(session)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if n, err := c.Enter(ctx); n != 0 || err != nil {
		t.Errorf("Enter: %d, %v", n, err)
	}
	line, err := c.Say(ctx, "hi")
	if err != nil || line.Text != "hifalse []" {
		t.Errorf("Say: %+v, %v", line, err)
	}
	st, _ := c.State().Load()
	want := "{0 [{first } {changed } {third }] map[a:{AA } b:{B }]}"
	if got := fmt.Sprint(st); got != want {
		t.Errorf("state %s, want %s", got, want)
	}
	for ev := range c.Events(ctx) {
		if want := (v1.Said{Line: v1.Line{Text: "hifalse []"}}); ev.Err != nil || ev.Event != v1.Event(want) {
			t.Errorf("event %+v, want %+v", ev, want)
		}
		break
	}
}

type oldRoom struct{ s *v1.Session }

func (r oldRoom) Enter(context.Context) (int, error) { return 1, nil }

func (r oldRoom) Say(_ context.Context, text string) (v1.Line, error) {
	return v1.Line{Text: text, Gone: "?"}, r.s.State.Update(func(s *v1.State) {
		s.Gone++
		s.Lines = append(s.Lines, v1.Line{Text: text, Gone: "!"})
	})
}

// A new client works with an old server, as far as that goes.
func TestNewClient(t *testing.T) {
	service := v1.NewService(func(s *v1.Session) v1.Room { return oldRoom{s} })
	_, session := pair.Connect(t, []*core.Service{service}, nil)
	c, err := v2.NewClient(session)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if n, err := c.Enter(ctx, "me"); n != 1 || err != nil {
		t.Errorf("Enter: %d, %v", n, err)
	}
	for range 2 {
		if line, err := c.Say(ctx, true, "hi", []string{"all"}); err != nil || line.Text != "hi" {
			t.Errorf("Say: %+v, %v", line, err)
		}
	}
	if st, _ := c.State().Load(); len(st.Lines) != 2 || st.Lines[1].Text != "hi" {
		t.Errorf("state %+v", st)
	}
	if err := c.Leave(ctx); err == nil {
		t.Error("Leave, which the server does not know: no error")
	}
}
