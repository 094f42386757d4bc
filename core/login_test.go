package core_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/mem"
)

// door is a server that knows tokens by heart: the token "ann 5m" is that of
// ann for five minutes.
func door(_ context.Context, l *core.Login) (*core.Principal, error) {
	name, life, ok := strings.Cut(string(l.Credential), " ")
	if l.Method != core.MethodToken || name == "" {
		return nil, &core.RefusedError{Code: twinwire.Unauthorized, Reason: "who is it", Authenticate: true}
	}
	p := &core.Principal{ID: name, Claims: map[string]any{"life": life}}
	if ok {
		d, err := time.ParseDuration(life)
		if err != nil {
			return nil, err
		}
		p.Expires = time.Now().Add(d)
	}
	return p, nil
}

func as(token string) context.Context {
	return core.WithCredential(context.Background(), core.TokenCredential(token))
}

// A house is a server with a door, and what to dial it with.
type house struct {
	t     *testing.T
	o     *mem.Options
	a     *core.Acceptor
	began chan *core.Session
	log   *recorder
	tries byte
}

func newHouse(t *testing.T, o *mem.Options, cfg *core.Config) *house {
	h := &house{t: t, o: o, began: make(chan *core.Session, 10), log: new(recorder)}
	if cfg == nil {
		cfg = new(core.Config)
	}
	cfg.Logger = newLogger(h.log)
	h.a = acceptor(t, cfg)
	h.a.Authenticate = door
	h.a.Began = func(s *core.Session) { h.began <- s }
	return h
}

// enter dials, and fails the test if that does not succeed.
func (h *house) enter(ctx context.Context, cfg *core.Config) (client, server *core.Session) {
	h.t.Helper()
	cc, sc := mem.Pipe(h.o)
	serve(h.t, h.a, sc)
	h.tries++
	o, err := core.Greet(ctx, cc, cfg, nil, core.ID{h.tries})
	if err != nil {
		h.t.Fatal(err)
	}
	client = o.Accept()
	server = must(h.t, h.began)
	h.t.Cleanup(func() { _ = client.Close(); <-server.Done() })
	return client, server
}

// knock dials and returns why that failed.
func (h *house) knock(ctx context.Context) error {
	h.t.Helper()
	cc, sc := mem.Pipe(h.o)
	serve(h.t, h.a, sc)
	h.tries++
	o, err := core.Greet(ctx, cc, &core.Config{}, nil, core.ID{h.tries})
	if err == nil {
		o.Decline()
	}
	return err
}

// comeBack has a session go on with another carrier.
func (h *house) comeBack(ctx context.Context, s *core.Session) error {
	cc, sc := mem.Pipe(h.o)
	serve(h.t, h.a, sc)
	o, err := core.GreetAgain(ctx, cc, s)
	if err != nil {
		return err
	}
	return o.Resume()
}

// staying is a client that waits for another carrier.
func staying() *core.Config {
	return &core.Config{Reconnect: func(*core.Session, error) {}}
}

// Handlers and interceptors see whom a session belongs to, and until when.
func TestPrincipal(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		h := newHouse(t, o, &core.Config{Services: []*core.Service{service(map[string]core.Handler{"who": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			p := core.PrincipalFrom(ctx)
			if p != r.Session().Principal() {
				t.Error("context and session differ")
			}
			return str(fmt.Sprint(p.ID, " ", p.Claim("life"))), nil
		}})}})
		client, server := h.enter(as("ann 5m"), &core.Config{})
		if got, err := call(t.Context(), client, "who", ""); err != nil || got != "ann 5m" {
			t.Errorf("who = %q, %v", got, err)
		}
		end := time.Now().Add(5 * time.Minute)
		if !server.Expires().Equal(end) || !client.Expires().Equal(end) || client.Principal() != nil {
			t.Errorf("ends at %v and %v, want %v", server.Expires(), client.Expires(), end)
		}
		if core.PrincipalFrom(t.Context()) != nil || (*core.Principal)(nil).Claim("x") != nil {
			t.Error("somebody where there is nobody")
		}
		other, server := h.enter(as("bob"), &core.Config{})
		if !server.Expires().IsZero() || !other.Expires().IsZero() {
			t.Error("a session without an end has one")
		}
	})
}

// A client that is not known is told so, with the advice to authenticate, and a
// server's own trouble stays in its log (3.7, 15.4).
func TestLoginRefused(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		h := newHouse(t, o, nil)
		var refused *core.RefusedError
		for _, ctx := range []context.Context{context.Background(), as(""), core.WithCredential(context.Background(), nil)} {
			if err := h.knock(ctx); !errors.As(err, &refused) || refused.Code != twinwire.Unauthorized || !refused.Authenticate {
				t.Errorf("Greet = %v", err)
			}
		}
		if err := h.knock(as("ann -1s")); !errors.As(err, &refused) || refused.Code != twinwire.Expired || !refused.Authenticate {
			t.Errorf("Greet with old credentials = %v", err)
		}
		wantCode(t, h.knock(as("ann x")), twinwire.Internal)
		if !h.log.has("ERROR", "invalid duration") {
			t.Errorf("log: %q", h.log.lines)
		}
		h.a.Authenticate = func(context.Context, *core.Login) (*core.Principal, error) { panic("ouch") }
		wantCode(t, h.knock(as("ann")), twinwire.Internal)
		h.a.Authenticate = func(context.Context, *core.Login) (*core.Principal, error) { runtime.Goexit(); return nil, nil }
		wantCode(t, h.knock(as("ann")), twinwire.Internal)
		none(t, h.began)
		wantCode(t, h.knock(core.WithCredential(t.Context(), &core.Credential{Method: strings.Repeat("x", 65)})), twinwire.BadRequest)
		wantCode(t, h.knock(as(strings.Repeat("x", 16<<10))), twinwire.TooLarge)
	})
}

// What takes too long ends with the time of the handshake, and Authenticate is
// told; the carrier's end ends it, too.
func TestLoginTakesLong(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		h := newHouse(t, o, nil)
		ended := make(chan error, 1)
		h.a.Authenticate = func(ctx context.Context, _ *core.Login) (*core.Principal, error) {
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		}
		within(t, 5*time.Second, func() {
			if err := h.knock(as("ann")); err == nil {
				t.Error("a session began")
			}
		})
		must(t, ended)
		ctx, cancel := context.WithTimeout(as("ann"), time.Second)
		defer cancel()
		within(t, time.Second, func() { wantCode(t, h.knock(ctx), twinwire.DeadlineExceeded) })
		must(t, ended)
	})
}

// Clause 3.1: before the answer to its hello a client sends a PROOF, one for a
// challenge, and nothing else; both together are bounded.
func TestLoginBytes(t *testing.T) {
	helloFrame := frameOf(frame.Hello, hello("v", 1, "attempt", make([]byte, 15), "auth", "x", "cred", make([]byte, 9<<10)))
	attempt := make([]byte, 16)
	attempt[0] = 9
	good := func(cred int) []byte {
		return frameOf(frame.Hello, hello("v", 1, "attempt", attempt, "auth", "x", "cred", make([]byte, cred)))
	}
	challenge := func(ctx context.Context, l *core.Login) (*core.Principal, error) {
		proof, err := l.Challenge(ctx, []byte("?"))
		if err != nil {
			return nil, err
		}
		if _, err := l.Challenge(ctx, []byte("?")); err == nil {
			t.Error("two challenges were sent")
		}
		if string(proof) != "!" {
			return nil, &core.RefusedError{Code: twinwire.Unauthorized}
		}
		return &core.Principal{ID: "x"}, nil
	}
	silent := func(ctx context.Context, _ *core.Login) (*core.Principal, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	tests := []struct {
		name    string
		door    func(context.Context, *core.Login) (*core.Principal, error)
		batches [][]byte
		code    twinwire.Code
	}{
		{"no attempt id", challenge, [][]byte{helloFrame, frameOf(frame.Proof, []byte("!"))}, twinwire.ProtocolError},
		{"proof without a challenge", silent, [][]byte{good(9), frameOf(frame.Proof, []byte("!"))}, twinwire.ProtocolError},
		{"ping", silent, [][]byte{good(9), frame.Append(nil, &frame.Frame{Kind: frame.Ping})}, twinwire.ProtocolError},
		{"hello twice", silent, [][]byte{good(9), good(9)}, twinwire.ProtocolError},
		{"early ATTACH", silent, [][]byte{good(9), frame.Append(nil, &frame.Frame{Kind: frame.Attach, ID: 1})}, twinwire.ProtocolError},
		{"proof and more", challenge, [][]byte{good(9), append(frameOf(frame.Proof, []byte("!")), frameOf(frame.Proof, []byte("!"))...)}, twinwire.ProtocolError},
		{"too much", challenge, [][]byte{good(9 << 10), frameOf(frame.Proof, make([]byte, 8<<10))}, twinwire.TooLarge},
		{"too much with what nobody knows", challenge, [][]byte{
			frameOf(frame.Hello, hello("v", 1, "attempt", attempt, "auth", "x", "cred", []byte("c"), "?", make([]byte, 9<<10))), frameOf(frame.Proof, make([]byte, 8<<10)),
		}, twinwire.TooLarge},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			run(t, func(t *testing.T, o *mem.Options) {
				a := acceptor(t, &core.Config{Logger: newLogger(new(recorder))})
				a.Authenticate = test.door
				a.Began = func(*core.Session) { t.Error("a session began") }
				cc, sc := mem.Pipe(o)
				served := serve(t, a, sc)
				go func() { _ = cc.Receive(func(int, []byte) error { return nil }) }()
				for _, b := range test.batches {
					_ = cc.Send(0, b)
					synctest.Wait()
				}
				select {
				case err := <-served:
					wantCode(t, err, test.code)
				case <-time.After(time.Second): // refused, and waits for the client to go
					cc.Close(twinwire.Accepted, "")
					<-served
					if test.name != "no attempt id" {
						t.Error("the carrier goes on")
					}
				}
			})
		})
	}
}

// Clause 15.3: a shared secret is proved, and does not travel.
func TestSecretProof(t *testing.T) {
	secret := []byte(strings.Repeat("s", 32))
	nonce := []byte(strings.Repeat("n", core.ChallengeSize))
	run(t, func(t *testing.T, o *mem.Options) {
		h := newHouse(t, o, nil)
		h.a.Authenticate = func(ctx context.Context, l *core.Login) (*core.Principal, error) {
			proof, err := l.Challenge(ctx, nonce)
			if err != nil {
				return nil, err
			}
			if string(proof) != string(core.SecretProof(secret, string(l.Credential), l.Attempt, nonce)) {
				return nil, &core.RefusedError{Code: twinwire.Unauthorized, Authenticate: true}
			}
			return &core.Principal{ID: string(l.Credential), Expires: time.Now().Add(time.Hour)}, nil
		}
		c, err := core.SecretCredential("ann", secret)
		if err != nil {
			t.Fatal(err)
		}
		client, server := h.enter(core.WithCredential(t.Context(), c), &core.Config{})
		if server.Principal().ID != "ann" {
			t.Errorf("principal is %v", server.Principal())
		}
		time.Sleep(time.Minute)
		if err := client.Renew(t.Context(), c); err != nil { // with a challenge as well
			t.Error(err)
		}
		if end := time.Now().Add(time.Hour); !server.Expires().Equal(end) || !client.Expires().Equal(end) {
			t.Errorf("ends at %v and %v, want %v", server.Expires(), client.Expires(), end)
		}
		other, _ := core.SecretCredential("ann", []byte(strings.Repeat("t", 32)))
		wantCode(t, h.knock(core.WithCredential(t.Context(), other)), twinwire.Unauthorized)
		wantCode(t, client.Renew(t.Context(), other), twinwire.Unauthorized)
		wantCode(t, h.knock(as("ann")), twinwire.Unauthorized) // cannot prove
		failing := &core.Credential{Method: "x", Prove: func(context.Context, core.ID, []byte) ([]byte, error) { panic("ouch") }}
		if err := h.knock(core.WithCredential(t.Context(), failing)); err == nil || !strings.Contains(err.Error(), "ouch") {
			t.Errorf("a panic of Prove is %v", err)
		}
	})
	for _, name := range []string{"", strings.Repeat("x", 256)} {
		_, err := core.SecretCredential(name, secret)
		wantCode(t, err, twinwire.BadRequest)
	}
	_, err := core.SecretCredential("ann", secret[1:])
	wantCode(t, err, twinwire.BadRequest)
	// The bytes are those of the clause: other languages have to make them too.
	if got := fmt.Sprintf("%x", core.SecretProof(secret, "ann", core.ID{1}, nonce)); got != "5a64c749f5db27e6c2a9aabe0f5e68ae1276d54a8badebe2e627c47c936c0b7a" {
		t.Errorf("proof is %s", got)
	}
}

// Clause 15.7: a session ends with its credentials, unless they are renewed.
func TestExpiry(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		h := newHouse(t, o, nil)
		client, server := h.enter(as("ann 1m"), &core.Config{})
		time.Sleep(59 * time.Second)
		if err := client.Renew(t.Context(), core.TokenCredential("ann 2m")); err != nil {
			t.Fatal(err)
		}
		if life := server.Principal().Claim("life"); life != "2m" {
			t.Errorf("claims are those of %v", life)
		}
		time.Sleep(2*time.Minute - time.Second)
		if server.Err() != nil || client.Err() != nil {
			t.Fatalf("ended too early: %v, %v", server.Err(), client.Err())
		}
		time.Sleep(time.Second)
		synctest.Wait()
		wantCode(t, server.Err(), twinwire.Expired)
		wantCode(t, client.Err(), twinwire.Expired)
		wantCode(t, client.Renew(t.Context(), core.TokenCredential("ann 2m")), twinwire.Unavailable)
	})
}

// A renewal that is refused changes nothing, nor does one of somebody else
// (15.8).
func TestRenewRefused(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		h := newHouse(t, o, nil)
		client, server := h.enter(as("ann 1m"), &core.Config{})
		before, end := server.Principal(), client.Expires()
		for _, token := range []string{"bob 1h", "", "ann -1s", "ann x"} {
			var refused *core.RefusedError
			if err := client.Renew(t.Context(), core.TokenCredential(token)); !errors.As(err, &refused) {
				t.Errorf("Renew with %q = %v", token, err)
			}
			if server.Principal() != before || !client.Expires().Equal(end) || !server.Expires().Equal(end) {
				t.Errorf("%q has changed the session", token)
			}
		}
		wantCode(t, server.Renew(t.Context(), core.TokenCredential("ann 1h")), twinwire.FailedPrecondition)
		wantCode(t, client.Renew(t.Context(), nil), twinwire.FailedPrecondition)
		wantCode(t, client.Renew(t.Context(), core.TokenCredential(strings.Repeat("x", 16<<10))), twinwire.TooLarge)
		// One that has no end has none, and one is enough at a time.
		release := make(chan struct{})
		h.a.Authenticate = func(ctx context.Context, l *core.Login) (*core.Principal, error) {
			if l.Session != server || l.Resumes || l.Attempt != client.ID() {
				t.Errorf("login is %+v", l)
			}
			<-release
			return door(ctx, l)
		}
		first := make(chan error, 1)
		go func() { first <- client.Renew(t.Context(), core.TokenCredential("ann")) }()
		none(t, first)
		wantCode(t, client.Renew(t.Context(), core.TokenCredential("ann 1h")), twinwire.FailedPrecondition)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		wantCode(t, client.Renew(ctx, core.TokenCredential("ann 1h")), twinwire.FailedPrecondition)
		close(release)
		if err := must(t, first); err != nil || !client.Expires().IsZero() || !server.Expires().IsZero() {
			t.Errorf("Renew = %v, ends at %v", err, client.Expires())
		}
	})
}

// Clause 15.6: going on with a session is authenticated anew. A token that was
// stolen is of no use to others, and does no harm.
func TestResumeIsBound(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		h := newHouse(t, o, nil)
		client, server := h.enter(as("ann 1m"), staying())
		spent := core.TicketOf(client).Token
		if err := h.comeBack(as("ann 3m"), client); err != nil {
			t.Fatal(err)
		}
		end := time.Now().Add(3 * time.Minute)
		synctest.Wait()
		if !server.Expires().Equal(end) || !client.Expires().Equal(end) || server.Principal().Claim("life") != "3m" {
			t.Errorf("ends at %v and %v, want %v", server.Expires(), client.Expires(), end)
		}
		thief := func(token core.Token, cred string) error {
			cc, sc := mem.Pipe(o)
			served := serve(t, h.a, sc)
			h.tries++
			got := make(chan frame.Frame, 1)
			go func() {
				_ = cc.Receive(func(_ int, b []byte) error {
					var f frame.Frame
					_, _ = f.Parse(b)
					f.Name = append([]byte(nil), f.Name...)
					got <- f
					return &transport.CloseError{}
				})
			}()
			id, session := core.ID{h.tries}, client.ID()
			if err := cc.Send(0, frameOf(frame.Hello, hello("v", 1, "attempt", id[:], "keep", 60000, "session", session[:],
				"token", token[:], "nexts", []int{0, 0, 0, 0, 0}, "auth", "token", "cred", []byte(cred)))); err != nil {
				t.Fatal(err)
			}
			f := <-got
			<-served
			if f.Kind != frame.Refuse {
				return nil
			}
			return twinwire.Code(f.Code)
		}
		now := core.TicketOf(client).Token
		for _, token := range []core.Token{now, spent, {}} {
			for _, cred := range []string{"eve 1h", "eve"} {
				wantCode(t, thief(token, cred), twinwire.Unauthorized)
			}
			wantCode(t, thief(token, ""), twinwire.Unauthorized)
		}
		time.Sleep(time.Second)
		if server.Err() != nil || client.Err() != nil || server.Principal().ID != "ann" {
			t.Fatalf("a thief has ended the session: %v, %v", server.Err(), client.Err())
		}
		// The owner's own spent token ends it still (14.3).
		wantCode(t, thief(spent, "ann"), twinwire.Unauthorized)
		synctest.Wait()
		wantCode(t, server.Err(), twinwire.Unauthorized)
	})
}

// A session that waits for a carrier outlives its credentials, and goes on with
// new ones only.
func TestExpiryWhileDetached(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		h := newHouse(t, o, nil)
		cc, sc := mem.Pipe(o)
		serve(t, h.a, sc)
		offer, err := core.Greet(as("ann 1m"), cc, staying(), nil, core.ID{77})
		if err != nil {
			t.Fatal(err)
		}
		client := offer.Accept()
		server := must(t, h.began)
		t.Cleanup(func() { _ = client.Close(); <-server.Done() })
		cc.Cut()
		time.Sleep(90 * time.Second)
		wantCode(t, h.comeBack(as("ann -30s"), client), twinwire.Expired)
		if err := h.comeBack(as("ann 1m"), client); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(61 * time.Second)
		wantCode(t, server.Err(), twinwire.Expired)
	})
}

// A renewal is over when its carrier is; coming back renews.
func TestRenewLosesCarrier(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		h := newHouse(t, o, nil)
		client, server := h.enter(as("ann 1m"), staying())
		ended := make(chan error, 1)
		h.a.Authenticate = func(ctx context.Context, l *core.Login) (*core.Principal, error) {
			if l.Session != nil {
				<-ctx.Done()
				ended <- ctx.Err()
				return nil, ctx.Err()
			}
			return door(ctx, l)
		}
		renewed := make(chan error, 1)
		go func() { renewed <- client.Renew(t.Context(), core.TokenCredential("ann 1h")) }()
		none(t, renewed)
		if err := h.comeBack(as("ann 2m"), client); err != nil {
			t.Fatal(err)
		}
		wantCode(t, must(t, renewed), twinwire.Unavailable)
		must(t, ended)
		h.a.Authenticate = door
		if err := client.Renew(t.Context(), core.TokenCredential("ann 1h")); err != nil {
			t.Fatal(err)
		}
		if !server.Expires().Equal(time.Now().Add(time.Hour)) {
			t.Errorf("ends at %v", server.Expires())
		}
	})
}

// Clause 15.5: the carriers of one attempt belong to one principal.
func TestAttemptIsBound(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		h := newHouse(t, o, nil)
		cc, sc := mem.Pipe(o)
		serve(t, h.a, sc)
		first, err := core.Greet(as("ann"), cc, &core.Config{}, nil, core.ID{50})
		if err != nil {
			t.Fatal(err)
		}
		cc2, sc2 := mem.Pipe(o)
		serve(t, h.a, sc2)
		_, err = core.Greet(as("eve"), cc2, &core.Config{}, nil, core.ID{50})
		wantCode(t, err, twinwire.Unauthorized)
		client := first.Accept()
		if server := must(t, h.began); server.Principal().ID != "ann" {
			t.Errorf("session belongs to %v", server.Principal())
		}
		_ = client.Close()
	})
}

// Nothing secret is in what logs and formatted output show.
func TestRedacted(t *testing.T) {
	c := core.TokenCredential("hush")
	l := &core.Login{Hello: new(core.Hello), Method: "token\n", Credential: []byte("hush")}
	p := &core.Principal{ID: "ann\x1b[31m\nERROR", Claims: map[string]any{"x": "hush"}, Expires: time.Now()}
	var log strings.Builder
	type around struct {
		C *core.Credential
		L *core.Login
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("dial", "c", c, "l", l, "both", around{c, l}, "pointer", &around{c, l})
	}
	if n := strings.Count(log.String(), "redacted"); n < 5 || strings.Contains(log.String(), "aHVzaA") {
		t.Errorf("the log has %s", log.String())
	}
	for _, s := range []string{fmt.Sprint(c, l), strings.ReplaceAll(log.String(), "\n", ""), fmt.Sprintf("%v %+v %#v %s %q %x", c, c, c, c, c, c), fmt.Sprintf("%+v %#v %s", l, l, l), c.LogValue().String(), p.LogValue().String()} {
		if strings.Contains(s, "hush") || strings.Contains(s, "68757368") || strings.ContainsAny(s, "\n\x1b") {
			t.Errorf("shown: %s", s)
		}
	}
	if s := (*core.Principal)(nil).LogValue().String(); s != "nobody" {
		t.Errorf("nobody is %s", s)
	}
	if long := (&core.Principal{ID: strings.Repeat("\n", 1000)}).LogValue().String(); len(long) > 280 {
		t.Errorf("%d bytes of an id are shown", len(long))
	}
	same := core.TokenCredential("hush")
	if !c.Equal(same) || c.Equal(core.TokenCredential("other")) || c.Equal(nil) || !(*core.Credential)(nil).Equal(nil) {
		t.Error("Equal is wrong")
	}
}
