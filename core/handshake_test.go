package core_test

import (
	"context"
	"errors"
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

// Both sides learn what the other says about itself, the server before it
// decides.
func TestHello(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cc, sc := mem.Pipe(o)
		a := acceptor(t, &core.Config{Hello: core.Hello{App: "shop", Version: "2"}})
		var asked core.Hello
		a.Admit = func(h *core.Hello, info transport.Info) error {
			if asked = *h; info != sc.Info() {
				t.Errorf("info is %v", info)
			}
			return nil
		}
		began := make(chan *core.Session, 1)
		a.Began = func(s *core.Session) { began <- s }
		serve(t, a, sc)
		connect := codec.AppendString(nil, "me")
		offer, err := greet(t, cc, &core.Config{Hello: core.Hello{App: "shop", Connect: connect}}, core.ID{7})
		if err != nil {
			t.Fatal(err)
		}
		none(t, began) // the session begins with ATTACH (3.2)
		if offer.Wire() != cc.Info() {
			t.Errorf("the offer's wire is %v", offer.Wire())
		}
		client := offer.Accept()
		server := must(t, began)
		if h := server.Peer(); h.App != "shop" || string(h.Connect) != string(connect) || asked.App != "shop" {
			t.Errorf("server sees %+v, and saw %+v", h, asked)
		}
		if h := client.Peer(); h.App != "shop" || h.Version != "2" {
			t.Errorf("client sees %+v", h)
		}
		if client.Transport() != cc.Info() || !strings.Contains(client.String(), "mem server") {
			t.Errorf("client is %v on %v", client, client.Transport())
		}
		_ = client.Close()
	})
}

// The server gets to know the client by the id that it names, unless Admit knows
// better; the client is not told.
func TestClientID(t *testing.T) {
	for _, test := range []struct{ says, knows, want string }{
		{"", "", ""}, {"ann", "", "ann"}, {"ann", "bob", "bob"}, {"", "bob", "bob"}, {strings.Repeat("x", 255), "", strings.Repeat("x", 255)},
	} {
		run(t, func(t *testing.T, o *mem.Options) {
			cc, sc := mem.Pipe(o)
			a := acceptor(t, &core.Config{Hello: core.Hello{Client: "nobody"}})
			a.Admit = func(h *core.Hello, _ transport.Info) error {
				if h.Client != test.says {
					t.Errorf("client says it is %q, not %q", h.Client, test.says)
				}
				if test.knows != "" {
					h.Client = test.knows
				}
				return nil
			}
			began := make(chan *core.Session, 1)
			a.Began = func(s *core.Session) { began <- s }
			serve(t, a, sc)
			offer, err := greet(t, cc, &core.Config{Hello: core.Hello{Client: test.says}}, core.ID{1})
			if err != nil {
				t.Fatal(err)
			}
			client := offer.Accept()
			if got := must(t, began).Peer().Client; got != test.want {
				t.Errorf("server knows %q, want %q", got, test.want)
			}
			if got := client.Peer().Client; got != "" {
				t.Errorf("client was told of %q", got)
			}
			_ = client.Close()
		})
	}
	run(t, func(t *testing.T, o *mem.Options) {
		cc, sc := mem.Pipe(o)
		_, err := greet(t, cc, &core.Config{Hello: core.Hello{Client: strings.Repeat("x", 256)}}, core.ID{1})
		wantCode(t, err, twinwire.TooLarge)
		sc.Close(twinwire.Accepted, "")
		cc, sc = mem.Pipe(o)
		a := acceptor(t, &core.Config{Logger: newLogger(new(recorder))})
		a.Admit = func(h *core.Hello, _ transport.Info) error { h.Client = strings.Repeat("x", 256); return nil }
		serve(t, a, sc)
		_, err = greet(t, cc, &core.Config{}, core.ID{1})
		wantCode(t, err, twinwire.Internal)
	})
}

// A refusal has a code, a reason and advice (3.7).
func TestRefusals(t *testing.T) {
	app := core.Hello{App: "shop", Version: "2"}
	tests := []struct {
		name           string
		server, client core.Hello
		admit          func(*core.Hello, transport.Info) error
		want           core.RefusedError
	}{
		{name: "other application", server: app, client: core.Hello{App: "bank", Version: "2"},
			want: core.RefusedError{Code: twinwire.VersionMismatch, Reason: `this is application "shop"`, Never: true}},
		{name: "other version", server: app, client: core.Hello{App: "shop", Version: "3"},
			want: core.RefusedError{Code: twinwire.VersionMismatch, Reason: `application version "2" is spoken here, not the client's`, Never: true}},
		{name: "retry", admit: func(*core.Hello, transport.Info) error {
			return &core.RefusedError{Code: twinwire.Unavailable, Reason: "full", RetryAfter: 3 * time.Second}
		}, want: core.RefusedError{Code: twinwire.Unavailable, Reason: "full", RetryAfter: 3 * time.Second}},
		{name: "never", admit: func(*core.Hello, transport.Info) error {
			return &core.RefusedError{Code: twinwire.PermissionDenied, Never: true}
		}, want: core.RefusedError{Code: twinwire.PermissionDenied, Never: true}},
		{name: "authenticate", admit: func(*core.Hello, transport.Info) error {
			return &core.RefusedError{Code: twinwire.Unauthorized, Reason: "who is it", Authenticate: true}
		}, want: core.RefusedError{Code: twinwire.Unauthorized, Reason: "who is it", Authenticate: true}},
		{name: "coded error", admit: func(*core.Hello, transport.Info) error { return twinwire.Errorf(2000, "mine") },
			want: core.RefusedError{Code: 2000, Reason: "mine"}},
		{name: "error without a code", admit: func(*core.Hello, transport.Info) error { return errors.New("secret") },
			want: core.RefusedError{Code: twinwire.Internal}},
		{name: "panic", admit: func(*core.Hello, transport.Info) error { panic("secret") },
			want: core.RefusedError{Code: twinwire.Internal}},
		{name: "long reason", admit: func(*core.Hello, transport.Info) error { return twinwire.Errorf(2000, "%s", strings.Repeat("é", 100)) },
			want: core.RefusedError{Code: 2000, Reason: strings.Repeat("é", 60)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			run(t, func(t *testing.T, o *mem.Options) {
				log := new(recorder)
				cc, sc := mem.Pipe(o)
				a := acceptor(t, &core.Config{Hello: test.server, Logger: newLogger(log)})
				a.Admit = test.admit
				a.Began = func(*core.Session) { t.Error("a session began") }
				served := serve(t, a, sc)
				var e *core.RefusedError
				within(t, 0, func() {
					_, err := greet(t, cc, &core.Config{Hello: test.client}, core.ID{1})
					if !errors.As(err, &e) || *e != test.want {
						t.Errorf("Greet = %#v, want %#v", err, test.want)
					}
				})
				must(t, served)
				if test.want.Code == twinwire.Internal && !log.has("ERROR", "secret") {
					t.Errorf("log: %q", log.lines)
				}
			})
		})
	}
}

// An application or version that only one side names is no mismatch (3.5).
func TestVersionOfOneSide(t *testing.T) {
	app := core.Hello{App: "shop", Version: "2"}
	run(t, func(t *testing.T, o *mem.Options) {
		connect(t, o, &core.Config{Hello: app}, &core.Config{})
		connect(t, o, &core.Config{}, &core.Config{Hello: app})
		connect(t, o, &core.Config{Hello: app}, &core.Config{Hello: core.Hello{App: "shop"}})
	})
}

// hello is the payload of a HELLO or WELCOME with some entries, each a value
// of MessagePack.
func hello(entries ...any) []byte {
	b := codec.AppendMapHeader(nil, len(entries)/2)
	for i := 0; i < len(entries); i += 2 {
		b = codec.AppendString(b, entries[i].(string))
		switch v := entries[i+1].(type) {
		case int:
			b = codec.AppendInt(b, int64(v))
		case uint64:
			b = codec.AppendUint(b, v)
		case string:
			b = codec.AppendString(b, v)
		case []byte:
			b = codec.AppendBytes(b, v)
		case []int:
			b = codec.AppendArrayHeader(b, len(v))
			for _, n := range v {
				b = codec.AppendInt(b, int64(n))
			}
		}
	}
	return b
}

func frameOf(kind frame.Kind, payload []byte) []byte {
	return frame.Append(nil, &frame.Frame{Kind: kind, Payload: payload})
}

// raw sends bytes as a client and returns the frames that a server answers, and
// how the carrier ended.
func raw(t *testing.T, o *mem.Options, a *core.Acceptor, batches ...[]byte) (got []frame.Frame, end chan error, cc *mem.Carrier) {
	cc, sc := mem.Pipe(o)
	serve(t, a, sc)
	end = make(chan error, 1)
	answers := make(chan frame.Frame, 100)
	go func() {
		end <- cc.Receive(func(_ int, b []byte) error {
			for len(b) > 0 {
				var f frame.Frame
				n, err := f.Parse(append([]byte(nil), b...))
				if err != nil {
					t.Error(err)
				}
				answers <- f
				b = b[n:]
			}
			return nil
		})
	}()
	t.Cleanup(func() { cc.Close(0, ""); synctest.Wait() })
	for _, b := range batches {
		if err := cc.Send(0, b); err != nil {
			break
		}
		synctest.Wait()
	}
	synctest.Wait()
	for len(answers) > 0 {
		got = append(got, <-answers)
	}
	return got, end, cc
}

// What a server answers to hellos that are not as they should be (3.1, 3.3).
func TestMalformedHello(t *testing.T) {
	attempt := make([]byte, 16)
	attempt[0] = 1
	good := []any{"v", 1, "attempt", attempt, "large", 1000, "max", 1000}
	tests := []struct {
		name   string
		first  []byte
		refuse twinwire.Code // or the carrier is closed with ProtocolError
	}{
		{"not a hello", frameOf(frame.Ping, nil)[:0], 0},
		{"PING first", frame.Append(nil, &frame.Frame{Kind: frame.Ping, ID: 1}), 0},
		{"ATTACH first", frame.Append(nil, &frame.Frame{Kind: frame.Attach, Flags: frame.AllLanes, ID: 1}), 0},
		{"WELCOME first", frameOf(frame.Welcome, hello(good...)), 0},
		{"something behind it", append(frameOf(frame.Hello, hello(good...)), frameOf(frame.Hello, nil)...), 0},
		{"too large", oversized(), 0},
		{"empty", frameOf(frame.Hello, nil), twinwire.ProtocolError},
		{"garbage", frameOf(frame.Hello, []byte("\xff\xff\xff")), twinwire.ProtocolError},
		{"cut off", frameOf(frame.Hello, hello(good...)[:10]), twinwire.ProtocolError},
		{"something behind the map", frameOf(frame.Hello, append(hello(good...), 1)), twinwire.ProtocolError},
		{"no version", frameOf(frame.Hello, hello("attempt", attempt)), twinwire.ProtocolError},
		{"version 0", frameOf(frame.Hello, hello("v", 0, "attempt", attempt)), twinwire.ProtocolError},
		{"least above highest", frameOf(frame.Hello, hello("v", 1, "min", 2, "attempt", attempt)), twinwire.ProtocolError},
		{"version of the future", frameOf(frame.Hello, hello("v", 9, "min", 5, "attempt", attempt)), twinwire.VersionMismatch},
		{"no attempt", frameOf(frame.Hello, hello("v", 1)), twinwire.ProtocolError},
		{"short attempt", frameOf(frame.Hello, hello("v", 1, "attempt", attempt[:15])), twinwire.ProtocolError},
		{"no lanes", frameOf(frame.Hello, hello("v", 1, "lanes", 0, "attempt", attempt)), twinwire.ProtocolError},
		{"negative window", frameOf(frame.Hello, hello("v", 1, "calls", -1, "attempt", attempt)), twinwire.ProtocolError},
		{"window below a message", frameOf(frame.Hello, hello("v", 1, "large", 5, "max", 6, "attempt", attempt)), twinwire.ProtocolError},
		{"text for a number", frameOf(frame.Hello, hello("v", "1")), twinwire.ProtocolError},
		{"long name", frameOf(frame.Hello, hello("v", 1, "app", strings.Repeat("x", 256), "attempt", attempt)), twinwire.TooLarge},
		{"large connect payload", frameOf(frame.Hello, hello("v", 1, "connect", make([]byte, 8193), "attempt", attempt)), twinwire.TooLarge},
	}
	for _, test := range tests[1:] {
		t.Run(test.name, func(t *testing.T) {
			run(t, func(t *testing.T, o *mem.Options) {
				a := acceptor(t, &core.Config{Logger: newLogger(new(recorder))})
				a.Began = func(*core.Session) { t.Error("a session began") }
				got, end, _ := raw(t, o, a, test.first)
				switch {
				case test.refuse == 0:
					err := must(t, end)
					wantCode(t, err, twinwire.ProtocolError)
					if len(got) != 0 {
						t.Errorf("answered with %v", &got[0])
					}
				case len(got) != 1 || got[0].Kind != frame.Refuse || twinwire.Code(got[0].Code) != test.refuse:
					t.Errorf("answered with %v, want REFUSE with %v", got, test.refuse)
				}
			})
		})
	}
}

// oversized is a HELLO with a payload of more than 16,384 bytes, which
// frame.Append does not make.
func oversized() []byte {
	b := []byte{0x80, 0, 0x50, 0x02, 0x01, 0x00}
	return append(b, make([]byte, 0x5000)...)
}

// A client that is newer, and names what nobody knows, is welcome in the
// version that both speak.
func TestHelloOfTheFuture(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		attempt := make([]byte, 16)
		attempt[5] = 1
		payload := hello("v", 7, "min", 1, "new", "thing", "lanes", 100, "calls", 1<<40, "attempt", attempt)
		got, _, cc := raw(t, o, acceptor(t, &core.Config{}), frameOf(frame.Hello, payload))
		if len(got) != 1 || got[0].Kind != frame.Welcome {
			t.Fatalf("answered with %v, want WELCOME", got)
		}
		cc.Close(0, "")
	})
}

// The handshake is bounded in time, in every phase, on both sides.
func TestHandshakeTime(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		attempt := make([]byte, 16)
		attempt[5] = 1
		good := frameOf(frame.Hello, hello("v", 1, "attempt", attempt, "large", 1, "max", 1))
		for name, batches := range map[string][][]byte{"silence": nil, "no ATTACH": {good}, "refused": {frameOf(frame.Hello, nil)}} {
			for limit, want := range map[time.Duration]time.Duration{0: 5 * time.Second, time.Second: time.Second, -1: 5 * time.Second} {
				a := acceptor(t, &core.Config{Limits: &core.Limits{HandshakeTime: limit}, Logger: newLogger(new(recorder))})
				a.Began = func(*core.Session) { t.Error("a session began") }
				begin := time.Now()
				_, end, _ := raw(t, o, a, batches...)
				err := <-end
				if d := time.Since(begin); d != want {
					t.Errorf("%s: closed after %v, want %v", name, d, want)
				}
				code := twinwire.DeadlineExceeded
				if name == "no ATTACH" {
					code = twinwire.PeerDead // a client that has a WELCOME tries again (clause 3.1)
				}
				wantCode(t, err, code)
			}
		}
		// A server that says nothing.
		cc, sc := mem.Pipe(o)
		gone := make(chan error, 1)
		go func() { gone <- sc.Receive(func(int, []byte) error { return nil }) }()
		within(t, 5*time.Second, func() {
			_, err := greet(t, cc, &core.Config{}, core.ID{1})
			wantCode(t, err, twinwire.DeadlineExceeded)
		})
		must(t, gone)
		// And a context that ends before.
		cc, sc = mem.Pipe(o)
		cc.Stall(mem.AllLanes)
		go func() { gone <- sc.Receive(func(int, []byte) error { return nil }) }()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		within(t, time.Second, func() {
			_, err := core.Greet(ctx, cc, &core.Config{}, nil, core.ID{1})
			wantCode(t, err, twinwire.DeadlineExceeded)
		})
		cc.Unstall(mem.AllLanes)
		must(t, gone)
	})
}

// A race of wires makes one session: each carrier is welcomed, the first
// ATTACH wins, the others are closed, and who comes late is refused (3.6).
func TestAttempts(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		a := acceptor(t, &core.Config{})
		began := make(chan *core.Session, 3)
		a.Began = func(s *core.Session) { began <- s }
		var offers []*core.Offer
		var carriers []*mem.Carrier
		var served []chan error
		for range 3 {
			cc, sc := mem.Pipe(o)
			served = append(served, serve(t, a, sc))
			offer, err := greet(t, cc, &core.Config{}, core.ID{9})
			if err != nil {
				t.Fatal(err)
			}
			offers, carriers = append(offers, offer), append(carriers, cc)
		}
		offers[2].Decline()
		s := offers[1].Accept()
		must(t, began)
		within(t, 0, func() {
			must(t, served[2])
			wantCode(t, must(t, served[0]), twinwire.Replaced)
		})
		// A client that does not know better: its session ends as replaced.
		other := offers[0].Accept()
		<-other.Done()
		wantCode(t, other.Err(), twinwire.Replaced)
		// Late.
		cc, sc := mem.Pipe(o)
		serve(t, a, sc)
		var e *core.RefusedError
		if _, err := greet(t, cc, &core.Config{}, core.ID{9}); !errors.As(err, &e) || e.Code != twinwire.Replaced {
			t.Errorf("a late hello ended with %v, want replaced", err)
		}
		if s.Err() != nil {
			t.Errorf("the session ended with %v", s.Err())
		}
		_ = s.Close()
		none(t, began)
		// Forgotten after a while.
		time.Sleep(time.Minute)
		cc, sc = mem.Pipe(o)
		serve(t, a, sc)
		offer, err := greet(t, cc, &core.Config{}, core.ID{9})
		if err != nil {
			t.Fatal(err)
		}
		offer.Decline()
		_ = carriers
	})
}

// A server that takes no more sessions has those begin that it has promised.
func TestSettle(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
		a := acceptor(t, cfg)
		arrive := func(attempt core.ID) (*core.Offer, error) {
			cc, sc := mem.Pipe(o)
			serve(t, a, sc)
			return greet(t, cc, &core.Config{}, attempt)
		}
		settle := func(ctx context.Context) <-chan struct{} {
			settled := make(chan struct{})
			go func() {
				a.Settle(ctx)
				close(settled)
			}()
			return settled
		}
		must(t, settle(t.Context()))
		var offers []*core.Offer
		for i := range 3 {
			offer, err := arrive(core.ID{1, byte(i)})
			if err != nil {
				t.Fatal(err)
			}
			offers = append(offers, offer)
		}
		a.Refuse(func() error { return twinwire.Unavailable })
		_, err := arrive(core.ID{2})
		wantCode(t, err, twinwire.Unavailable)
		settled := settle(t.Context())
		s := offers[0].Accept()
		if got, err := call(t.Context(), s, "test.Echo", "x"); got != "x" || err != nil {
			t.Errorf("call = %q, %v", got, err)
		}
		offers[1].Decline()
		none(t, settled)
		ctx, cancel := context.WithCancel(t.Context())
		given := settle(ctx)
		none(t, given)
		cancel()
		must(t, given)
		offers[2].Accept()
		must(t, settled)
	})
}

// Who logs in while a server begins to refuse is refused.
func TestRefusedAfterLogin(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		a := acceptor(t, &core.Config{})
		asked, decide := make(chan struct{}), make(chan struct{})
		a.Authenticate = func(context.Context, *core.Login) (*core.Principal, error) {
			close(asked)
			<-decide
			return nil, nil
		}
		cc, sc := mem.Pipe(o)
		serve(t, a, sc)
		refused := make(chan error, 1)
		go func() {
			_, err := greet(t, cc, &core.Config{}, core.ID{1})
			refused <- err
		}()
		must(t, asked)
		a.Refuse(func() error { return twinwire.Unavailable })
		a.Settle(t.Context()) // nothing is promised yet
		close(decide)
		wantCode(t, must(t, refused), twinwire.Unavailable)
		a.Settle(t.Context())
	})
}

// A server that does not keep to the handshake is found out (3.1).
func TestBadServer(t *testing.T) {
	id := make([]byte, 16)
	good := []any{"v", 1, "session", id, "gen", 1, "ping", 10_000, "lanes", 4, "large", 1000, "max", 1000}
	with := func(key string, v any) []byte {
		entries := append([]any(nil), good...)
		for i := range entries {
			if entries[i] == key {
				entries[i+1] = v
			}
		}
		return frameOf(frame.Welcome, hello(entries...))
	}
	welcome := frameOf(frame.Welcome, hello(good...))
	tests := []struct {
		name   string
		answer []byte
		code   twinwire.Code
	}{
		{"garbage", []byte{1, 2, 3}, twinwire.ProtocolError},
		{"PING", frame.Append(nil, &frame.Frame{Kind: frame.Ping, ID: 1}), twinwire.ProtocolError},
		{"CHALLENGE", frameOf(frame.Challenge, nil), twinwire.Unauthorized},
		{"empty WELCOME", frameOf(frame.Welcome, nil), twinwire.ProtocolError},
		{"something behind WELCOME", append(append([]byte(nil), welcome...), welcome...), twinwire.ProtocolError},
		{"other version", with("v", 2), twinwire.ProtocolError},
		{"generation 0", with("gen", 0), twinwire.ProtocolError},
		{"generation beyond a varint", with("gen", uint64(1)<<63), twinwire.ProtocolError},
		{"no heartbeat", with("ping", 0), twinwire.ProtocolError},
		{"a heartbeat beyond a day", with("ping", 86_400_001), twinwire.ProtocolError},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			run(t, func(t *testing.T, o *mem.Options) {
				cc, sc := mem.Pipe(o)
				ended := make(chan error, 1)
				go func() { ended <- sc.Receive(func(int, []byte) error { return sc.Send(0, test.answer) }) }()
				within(t, 0, func() {
					_, err := greet(t, cc, &core.Config{}, core.ID{1})
					wantCode(t, err, test.code)
				})
				must(t, ended)
			})
		})
	}
	t.Run("WELCOME twice", func(t *testing.T) {
		run(t, func(t *testing.T, o *mem.Options) {
			cc, sc := mem.Pipe(o)
			ended := make(chan error, 1)
			go func() { ended <- sc.Receive(func(int, []byte) error { return sc.Send(0, welcome) }) }()
			offer, err := greet(t, cc, &core.Config{}, core.ID{1})
			if err != nil {
				t.Fatal(err)
			}
			if err := sc.Send(0, with("gen", uint64(1)<<63)); err != nil {
				t.Fatal(err)
			}
			wantCode(t, must(t, ended), twinwire.ProtocolError)
			s := offer.Accept()
			<-s.Done()
			wantCode(t, s.Err(), twinwire.ProtocolError)
		})
	})
}

// A hello that cannot be sent is refused here.
func TestOwnHelloTooLarge(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cc, _ := mem.Pipe(o)
		_, err := greet(t, cc, &core.Config{Hello: core.Hello{Connect: make([]byte, 20_000)}}, core.ID{1})
		wantCode(t, err, twinwire.TooLarge)
	})
}

// What breaks the protocol ends the session with ProtocolError, and is logged.
func TestProtocolError(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		attempt := make([]byte, 16)
		attempt[5] = 1
		log := new(recorder)
		a := acceptor(t, &core.Config{Logger: newLogger(log)})
		began := make(chan *core.Session, 1)
		a.Began = func(s *core.Session) { began <- s }
		flags := frame.Flags(0)
		if o.OnePipe {
			flags = frame.AllLanes
		}
		_, end, _ := raw(t, o, a,
			frameOf(frame.Hello, hello("v", 1, "lanes", 4, "attempt", attempt, "large", 1, "max", 1)),
			frame.Append(nil, &frame.Frame{Kind: frame.Attach, Flags: flags, ID: 1}),
			frame.Append(nil, &frame.Frame{Kind: frame.Open, Lane: 1}))
		wantCode(t, must(t, end), twinwire.ProtocolError)
		wantCode(t, must(t, began).Err(), twinwire.ProtocolError)
		if !log.has("WARN", "OPEN from a client") {
			t.Errorf("log: %q", log.lines)
		}
	})
}
