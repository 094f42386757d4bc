package core_test

import (
	"context"
	"fmt"
	"log"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// dial begins a session with a server in the same process that serves svc.
func dial(svc *core.Service) *core.Session {
	acceptor, err := core.NewAcceptor(&core.Config{Services: []*core.Service{svc}})
	if err != nil {
		log.Fatal(err)
	}
	clientEnd, serverEnd := mem.Pipe(nil)
	go func() { _ = acceptor.Serve(serverEnd) }()
	offer, err := core.Greet(context.Background(), clientEnd, &core.Config{}, nil, core.ID{1})
	if err != nil {
		log.Fatal(err)
	}
	return offer.Accept()
}

// A service by hand is a table of methods, and an instance for each session.
func ExampleService() {
	s := dial(&core.Service{
		Name: "counter",
		Open: func(*core.Session) (any, error) { return new(uint64), nil },
		Methods: map[string]core.Method{
			"counter.Increment": func(_ context.Context, instance any, r *core.Request) (codec.Marshaler, error) {
				var by codec.Value[uint64]
				if err := r.Decode(&by); err != nil {
					return nil, err
				}
				n := instance.(*uint64)
				*n += by.V
				return codec.Value[uint64]{V: *n}, nil
			},
		},
	})
	defer s.Close()
	var n codec.Value[uint64]
	for range 3 {
		if err := s.Call(context.Background(), "counter.Increment", codec.Value[uint64]{V: 2}, &n); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(n.V)
	// Output: 6
}

func ExampleSession_Call() {
	s := dial(&core.Service{Methods: map[string]core.Method{
		"door.Open": func(context.Context, any, *core.Request) (codec.Marshaler, error) {
			return nil, twinwire.Errorf(twinwire.PermissionDenied, "it is %s", "locked")
		},
	}})
	defer s.Close()
	err := s.Call(context.Background(), "door.Open", nil, nil)
	fmt.Println(twinwire.CodeOf(err) == twinwire.PermissionDenied, err)
	err = s.Call(context.Background(), "door.Paint", nil, nil)
	fmt.Println(err)
	// Output:
	// true it is locked: permission denied
	// no method door.Paint: not implemented
}

// Messages are handled one after another, in their order, and Close waits until
// the peer has them.
func ExampleSession_Send() {
	done := make(chan bool)
	s := dial(&core.Service{
		Methods: map[string]core.Method{
			"log.Line": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
				var line codec.Value[string]
				if err := r.Decode(&line); err != nil {
					return nil, err
				}
				fmt.Println(line.V)
				return nil, nil
			},
		},
		Close: func(any, error) { close(done) },
	})
	for _, line := range []string{"one", "two", "three"} {
		if err := s.Send(context.Background(), "log.Line", codec.Value[string]{V: line}); err != nil {
			log.Fatal(err)
		}
	}
	s.Close()
	<-done
	// Output:
	// one
	// two
	// three
}

// A status tells how far a call has come, also to others than its caller.
func ExampleWithStatus() {
	pour := make(chan bool)
	s := dial(&core.Service{Methods: map[string]core.Method{
		"kettle.Tea": func(context.Context, any, *core.Request) (codec.Marshaler, error) {
			<-pour
			return codec.Value[string]{V: "tea"}, nil
		},
	}})
	defer s.Close()
	var st core.Status
	done := make(chan error)
	go func() {
		done <- s.Call(core.WithStatus(context.Background(), &st), "kettle.Tea", nil, nil)
	}()
	stage, _ := st.Wait(context.Background(), core.Received)
	fmt.Println(stage, st.Final())
	close(pour)
	fmt.Println(<-done, st.Now(), st.Final())
	// Output:
	// received false
	// <nil> answered true
}
