package auth_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"slices"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/auth/token"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/server"
)

// roles says who may call what: of methods that are not here nobody may call
// any.
var roles = map[string][]string{
	"chat.Join": {"guest", "admin"},
	"chat.Kick": {"admin"},
}

// authorize is an interceptor: it sees every call before its handler does, and
// whom its session belongs to. Topics are joined by handlers alone, so whoever
// decides about their calls decides about topics.
func authorize(ctx context.Context, r *core.Request, next core.Handler) (codec.Marshaler, error) {
	p := core.PrincipalFrom(ctx)
	role, _ := p.Claim("role").(string)
	if !slices.Contains(roles[r.Name()], role) {
		return nil, twinwire.Errorf(twinwire.PermissionDenied, "%s is not for a %s", r.Name(), role)
	}
	if r.Name() == "chat.Join" {
		var room codec.Value[string]
		if err := r.Decode(&room); err != nil {
			return nil, err
		}
		rooms, _ := p.Claim("rooms").([]any)
		if !slices.Contains(rooms, any(room.V)) {
			return nil, twinwire.Errorf(twinwire.PermissionDenied, "no way into room %q", room.V)
		}
	}
	return next(ctx, r)
}

// A server knows its clients by tokens, and an interceptor lets each do what its
// claims allow, by method and by topic.
func Example() {
	key, err := token.NewKey() // "twinwire token key", and its public part on the server
	if err != nil {
		log.Fatal(err)
	}
	verifier := &token.Verifier{Keys: token.NewKeySet(key.Public()), Audience: "chat"}

	hub := new(events.Hub)
	chat := &core.Service{Name: "chat", Methods: map[string]core.Method{
		"chat.Join": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var room codec.Value[string]
			if err := r.Decode(&room); err != nil {
				return nil, err
			}
			if err := hub.Subscribe(r.Session(), events.Topic(room.V)); err != nil {
				return nil, err
			}
			return codec.Value[string]{V: "welcome to " + room.V + ", " + r.Session().Principal().ID}, nil
		},
		"chat.Kick": func(context.Context, any, *core.Request) (codec.Marshaler, error) { return nil, nil },
	}}
	srv := &server.Server{
		Authenticate: verifier.Authenticate,
		Interceptors: []core.Interceptor{authorize},
		Logger:       slog.New(slog.DiscardHandler),
	}
	srv.Handle(chat)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = srv.ServePlaintext(l) }()
	defer srv.Close()

	ctx := context.Background()
	t, err := key.Sign(&token.Grant{Subject: "ann", Audience: "chat", Claims: map[string]any{"role": "guest", "rooms": []string{"lobby"}}})
	if err != nil {
		log.Fatal(err)
	}
	s, err := client.Dial(ctx, "ws://"+l.Addr().String(), &client.Options{Credentials: client.Token(t)})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	for _, room := range []string{"lobby", "vault"} {
		var answer codec.Value[string]
		err := s.Call(ctx, "chat.Join", codec.Value[string]{V: room}, &answer)
		fmt.Println(answer.V, err)
	}
	fmt.Println(s.Call(ctx, "chat.Kick", nil, nil))
	_, err = client.Dial(ctx, "ws://"+l.Addr().String(), nil)
	fmt.Println(err != nil)
	// Output:
	// welcome to lobby, ann <nil>
	//  no way into room "vault": permission denied
	// chat.Kick is not for a guest: permission denied
	// true
}
