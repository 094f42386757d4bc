package events_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/transport/mem"
)

// A room's events. Generated code writes the two methods.
type said struct{ Text string }

func (said) EventType() string { return "chat.Said" }

func (v said) AppendMsgpack(b []byte) ([]byte, error) { return codec.AppendString(b, v.Text), nil }

func decodeChat(typ string, r *codec.Reader) (events.Event, error) {
	if typ == "chat.Said" {
		v := said{r.Str()}
		return v, r.Err()
	}
	return nil, events.ErrUnknownType
}

// session returns both ends of a session inside this process. Packages client
// and server make them over a network.
func session() (server, client *core.Session, end func()) {
	began := make(chan *core.Session, 1)
	a, err := core.NewAcceptor(&core.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	a.Began = func(s *core.Session) { began <- s }
	clientEnd, serverEnd := mem.Pipe(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = a.Serve(serverEnd)
	}()
	mux, err := core.NewMux(nil, nil)
	if err != nil {
		panic(err)
	}
	offer, err := core.Greet(context.Background(), clientEnd, &core.Config{}, mux, core.ID{1})
	if err != nil {
		panic(err)
	}
	client = offer.Accept()
	return <-began, client, func() {
		_ = client.Close()
		<-done
	}
}

// A server subscribes a session and emits; the client ranges over what
// arrives.
func Example() {
	server, client, end := session()
	defer end()

	var hub events.Hub
	defer hub.Close()
	if err := hub.Subscribe(server, "room/7"); err != nil {
		fmt.Println(err)
	}
	ctx := context.Background()
	if err := hub.Emit(ctx, "room/7", said{"hello"}); err != nil {
		fmt.Println(err)
	}
	if err := hub.EmitAll(ctx, said{"good night"}, nil); err != nil {
		fmt.Println(err)
	}

	stream := events.StreamOf(events.ReceiverOf(client, "chat"), decodeChat)
	for ev := range stream.Events(ctx) {
		fmt.Printf("%q: %v, missed %d\n", ev.Topic, ev.Event, ev.Missed)
		if ev.Topic == "" {
			break
		}
	}
	// Output:
	// "room/7": {hello}, missed 0
	// "": {good night}, missed 0
}

// What a handler of a generated service does: its Session is a Subscriber.
func ExampleSubscriber() {
	server, client, end := session()
	defer end()

	var hub events.Hub // NewService takes it
	defer hub.Close()
	s := events.SubscriberOf[said](&hub, server) // NewService does this

	ctx := context.Background() // that of the handler
	if err := s.Subscribe("room/7"); err != nil {
		fmt.Println(err)
	}
	if err := s.Emit(ctx, "room/7", said{"hello, everybody"}); err != nil {
		fmt.Println(err)
	}
	if err := s.EmitSelf(ctx, said{"hello, you"}); err != nil {
		fmt.Println(err)
	}
	for ev := range events.StreamOf(events.ReceiverOf(client, "chat"), decodeChat).Events(ctx) {
		fmt.Printf("%q: %v\n", ev.Topic, ev.Event)
		if ev.Topic == "" {
			break
		}
	}
	// Output:
	// "room/7": {hello, everybody}
	// "": {hello, you}
}

// Code that emits on behalf of no session, but knows the family of its events.
func ExampleEmitter() {
	server, client, end := session()
	defer end()

	var hub events.Hub
	defer hub.Close()
	if err := hub.Subscribe(server, "room/7"); err != nil {
		fmt.Println(err)
	}
	room := events.EmitterOf[said](&hub)
	if err := room.Emit(context.Background(), "room/7", said{"typed"}); err != nil {
		fmt.Println(err)
	}
	for ev := range events.StreamOf(events.ReceiverOf(client, "chat"), decodeChat).Events(context.Background()) {
		fmt.Println(ev.Event)
		break
	}
	// Output: {typed}
}

// Without types: what is emitted is encoded already, and what arrives stays
// so.
func ExampleRaw() {
	server, client, end := session()
	defer end()

	var hub events.Hub
	defer hub.Close()
	if err := hub.Subscribe(server, "room/7"); err != nil {
		fmt.Println(err)
	}
	raw := events.Raw{Type: "chat.Said", Payload: codec.Raw(codec.AppendString(nil, "raw"))}
	if err := hub.Emit(context.Background(), "room/7", raw); err != nil {
		fmt.Println(err)
	}
	for ev := range events.ReceiverOf(client, "chat").All(context.Background()) {
		switch ev.Kind {
		case core.Subscribed:
			fmt.Println("subscribed to", ev.Topic)
			continue
		case core.Emitted:
			fmt.Printf("%s: %x\n", ev.Type, ev.Payload)
		}
		break
	}
	// Output:
	// subscribed to room/7
	// chat.Said: a3726177
}

// A program that does work for topics while somebody listens.
func ExampleHub_Notify() {
	server, _, end := session()

	var hub events.Hub
	defer hub.Close()
	if err := hub.Subscribe(server, "prices"); err != nil {
		fmt.Println(err)
	}
	for n := range hub.Notify(context.Background()) {
		fmt.Println(n.Topic, n.Kind)
		if n.Kind == events.Removed {
			break
		}
		end() // the only subscriber disconnects
	}
	// Output:
	// prices created
	// prices removed
}

// An event to some sessions: the filter decides.
func ExampleHub_EmitAll() {
	server, client, end := session()
	defer end()

	var hub events.Hub
	defer hub.Close()
	hub.Add(server) // package server does this
	trusted := []core.ID{client.ID()}
	err := hub.EmitAll(context.Background(), said{"for your eyes"}, func(s *core.Session) bool {
		return slices.Contains(trusted, s.ID())
	})
	if err != nil {
		fmt.Println(err)
	}
	for ev := range events.StreamOf(events.ReceiverOf(client, "chat"), decodeChat).Events(context.Background()) {
		fmt.Println(ev.Event)
		break
	}
	// Output: {for your eyes}
}
