package state_test

import (
	"context"
	"fmt"
	"log"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/state"
	"github.com/twinwire/twinwire/state/reflective"
	"github.com/twinwire/twinwire/transport/mem"
)

// Board is what everybody sees.
type Board struct {
	Topic string
	Notes map[string]string
}

// A server keeps one board for all sessions, and a client watches it.
func Example() {
	schema, err := reflective.Of[Board]()
	if err != nil {
		log.Fatal(err)
	}
	board, err := state.NewShared("board", schema, Board{Topic: "today", Notes: map[string]string{}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	session, closeSession := dial(map[string]core.Method{
		"board.Join": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			return nil, board.Attach(r.Session())
		},
		"board.Pin": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var text codec.Value[string]
			if err := r.Decode(&text); err != nil {
				return nil, err
			}
			return nil, board.Update(func(b *Board) { b.Notes["ann"] = text.V })
		},
	})
	defer closeSession()

	view, err := state.NewView(session, "board", schema, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := session.Call(ctx, "board.Join", nil, nil); err != nil {
		log.Fatal(err)
	}
	b, _ := view.Load()
	fmt.Println(b.Topic, b.Notes)

	// What a call changed is there when it returns.
	if err := session.Call(ctx, "board.Pin", codec.Value[string]{V: "buy milk"}, nil); err != nil {
		log.Fatal(err)
	}
	b, _ = view.Load()
	fmt.Println(b.Topic, b.Notes)
	// Output:
	// today map[]
	// today map[ann:buy milk]
}

// A value that only one session sees, and a loop over its changes.
func ExampleView_Changes() {
	type Counter struct{ Count uint32 }
	schema, err := reflective.Of[Counter]()
	if err != nil {
		log.Fatal(err)
	}
	session, closeSession := dial(map[string]core.Method{
		"counter.Begin": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			counter, err := state.New(r.Session(), "counter", schema, Counter{}, nil)
			if err != nil {
				return nil, err
			}
			return nil, counter.Update(func(c *Counter) { c.Count = 7 })
		},
	})
	defer closeSession()

	view, err := state.NewView(session, "counter", schema, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := session.Call(context.Background(), "counter.Begin", nil, nil); err != nil {
		log.Fatal(err)
	}
	for c := range view.Changes(context.Background()) {
		fmt.Println(c.Count)
		break
	}
	// Output: 7
}

// dial begins a session with a server inside this process; programs use the
// packages client and server.
func dial(methods map[string]core.Method) (s *core.Session, closeSession func()) {
	acceptor, err := core.NewAcceptor(&core.Config{Services: []*core.Service{{Name: "example", Methods: methods}}})
	if err != nil {
		log.Fatal(err)
	}
	near, far := mem.Pipe(nil)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = acceptor.Serve(far)
	}()
	mux, err := core.NewMux(nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	offer, err := core.Greet(context.Background(), near, &core.Config{}, mux, core.ID{1})
	if err != nil {
		log.Fatal(err)
	}
	s = offer.Accept()
	return s, func() {
		_ = s.Close()
		<-served
	}
}

// A Map is a value: a copy of it stays as it was.
func ExampleMap() {
	var scores state.Map[string, int]
	scores.Set("ada", 1)
	scores.Set("bob", 2)
	before := scores
	scores.Set("ada", 10)
	scores.Delete("bob")
	for name, n := range before.All() {
		fmt.Println(name, n)
	}
	fmt.Println(scores.Changed(before, func(x, y *int) bool { return *x == *y }))
	// Output:
	// ada 1
	// bob 2
	// [ada bob]
}
