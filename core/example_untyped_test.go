package core_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/codec/reflective"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// A program without generated code names its actions, and reads and writes
// whatever it has by reflection. What is done before and after every action is
// an interceptor's; Fallback has the names that are unknown, Failed the errors.
func ExampleService_untyped() {
	shop := &core.Service{
		Name: "shop",
		Methods: map[string]core.Method{
			"shop.price": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
				var order struct {
					Item  string
					Count int
				}
				if err := r.Decode(reflective.Value(&order)); err != nil {
					return nil, err
				}
				if order.Count == 0 {
					panic("nothing to divide by")
				}
				return reflective.Value(map[string]any{"item": order.Item, "cents": 250 * order.Count}), nil
			},
		},
		Fallback: func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var args any
			if err := r.Decode(reflective.Value(&args)); err != nil {
				return nil, err
			}
			return nil, twinwire.Errorf(twinwire.NotImplemented, "%s(%v) is not sold here", r.Name(), args)
		},
		Failed: func(_ context.Context, _ any, r *core.Request, err error) error {
			if twinwire.CodeOf(err) == twinwire.Internal {
				return twinwire.Errorf(twinwire.FailedPrecondition, "%s is out of order", r.Name())
			}
			return err
		},
	}
	around := func(ctx context.Context, r *core.Request, next core.Handler) (codec.Marshaler, error) {
		if strings.HasPrefix(r.Name(), "admin.") {
			return nil, twinwire.PermissionDenied
		}
		return next(ctx, r)
	}
	acceptor, err := core.NewAcceptor(&core.Config{
		Services: []*core.Service{shop}, Interceptors: []core.Interceptor{around}, Logger: newLogger(new(recorder)),
	})
	if err != nil {
		log.Fatal(err)
	}
	clientEnd, serverEnd := mem.Pipe(nil)
	go func() { _ = acceptor.Serve(serverEnd) }()
	offer, err := core.Greet(context.Background(), clientEnd, &core.Config{}, nil, core.ID{1})
	if err != nil {
		log.Fatal(err)
	}
	s := offer.Accept()
	defer s.Close()

	for _, call := range []struct {
		name string
		args map[string]any
	}{
		{"shop.price", map[string]any{"Item": "tea", "Count": 3}},
		{"shop.price", map[string]any{"Item": "tea"}},
		{"shop.lease", map[string]any{"Item": "car"}},
		{"admin.stop", nil},
	} {
		var answer any
		err := s.Call(context.Background(), call.name, reflective.Value(call.args), reflective.Value(&answer))
		fmt.Println(answer, err)
	}
	// Output:
	// map[cents:750 item:tea] <nil>
	// <nil> shop.price is out of order: failed precondition
	// <nil> shop.lease(map[Item:car]) is not sold here: not implemented
	// <nil> permission denied
}
