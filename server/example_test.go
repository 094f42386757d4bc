package server_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/server"
)

// A server tells its clients something, all of them or some, and ends the
// session of one.
func ExampleServer_Broadcast() {
	srv := &server.Server{Logger: slog.New(slog.DiscardHandler)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = srv.ServePlaintext(l) }()
	defer srv.Close()

	heard := make(chan string)
	sessions := make(map[string]*core.Session)
	for _, name := range []string{"ann", "bob"} {
		s, err := client.Dial(context.Background(), "ws://"+l.Addr().String(), &client.Options{
			Hello: core.Hello{Client: name},
			Services: []*core.Service{{Methods: map[string]core.Method{
				"news.Flash": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
					var v codec.Value[string]
					err := r.Decode(&v)
					heard <- name + ": " + v.V
					return nil, err
				},
			}}},
		})
		if err != nil {
			log.Fatal(err)
		}
		defer s.Close()
		sessions[name] = s
		if err := s.Call(context.Background(), "hello", nil, nil); err != nil {
			fmt.Println(err) // the server serves nothing, but it is there
		}
	}

	flash, err := core.Prepare("news.Flash", codec.Value[string]{V: "it rains"})
	if err != nil {
		log.Fatal(err)
	}
	n, err := srv.Broadcast(context.Background(), flash, func(s *core.Session) bool { return s.Peer().Client != "bob" })
	fmt.Println(n, err)
	fmt.Println(<-heard)

	for s := range srv.SessionsOf("bob") {
		s.CloseWith(twinwire.PermissionDenied, "no subscription", 0)
	}
	<-sessions["bob"].Done()
	fmt.Println(sessions["bob"].Err())
	// Output:
	// no method hello: not implemented
	// no method hello: not implemented
	// 1 <nil>
	// ann: it rains
	// closed by peer: permission denied: no subscription
}

// A server in development: the page is at http://localhost:8080, and reaches the
// server from there by WebSocket and by WebTransport.
func ExampleServer_loopback() {
	srv := &server.Server{
		LoopbackAddr: "localhost:8080",
		Handler:      http.FileServer(http.Dir("web")),
	}
	srv.Handle(&core.Service{Methods: map[string]core.Method{ /* ... */ }})
	log.Fatal(srv.ListenAndServe("localhost:4433"))
}
