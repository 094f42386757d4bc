package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/auth"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/core"
)

// passes is an Authenticator that takes the token "name/life/number"; numbers
// below least are not good any more.
func passes(least *atomic.Int32) auth.Authenticator {
	return func(_ context.Context, l *auth.Login) (*core.Principal, error) {
		part := strings.Split(string(l.Credential), "/")
		if l.Method != core.MethodToken || len(part) != 3 {
			return nil, auth.Denied(nil)
		}
		var number int32
		_, _ = fmt.Sscan(part[2], &number)
		if number < least.Load() {
			return nil, auth.Expired(nil)
		}
		d, err := time.ParseDuration(part[1])
		if err != nil {
			return nil, err
		}
		return &core.Principal{ID: part[0], Claims: map[string]any{"number": number}, Expires: time.Now().Add(d)}, nil
	}
}

// counting is a source of such tokens.
func counting(life time.Duration, asked *atomic.Int32) client.Credentials {
	return client.TokenSource(func(context.Context) (string, error) {
		return fmt.Sprintf("ann/%v/%d", life, asked.Add(1)), nil
	})
}

// A session whose client has new credentials in time goes on, with the claims of
// those; one whose client has none ends with Expired (15.7, 15.8).
func TestRenewal(t *testing.T) {
	for _, w := range wires[:2] {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			e := start(t, w.prefix, w.runsOn)
			e.srv.Authenticate = passes(new(atomic.Int32))
			e.serve(service())
			var asked atomic.Int32
			renewed := e.dial(&client.Options{Hello: core.Hello{Client: "1"}, Credentials: counting(2*time.Second, &asked)})
			fixed := e.dial(&client.Options{Credentials: client.Token("bob/500ms/1")})
			select {
			case <-fixed.Done():
			case <-time.After(5 * time.Second):
				t.Fatal("a session outlives its credentials")
			}
			if !errors.Is(fixed.Err(), twinwire.Expired) {
				t.Errorf("it ended with %v", fixed.Err())
			}
			eventually(t, func() bool { return asked.Load() >= 3 || renewed.Err() != nil })
			if err := renewed.Err(); err != nil {
				t.Fatalf("the other ended too, after %d credentials: %v", asked.Load(), err)
			}
			echo(t, renewed)
			for _, s := range sessionsOf(e.srv, "1") {
				eventually(t, func() bool { return s.Principal().Claim("number").(int32) >= 2 || s.Err() != nil })
			}
		})
	}
}

// Credentials that are refused are asked for once more, and no more than that.
func TestAskedOnceMore(t *testing.T) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			var least, asked atomic.Int32
			e := start(t, w.prefix, w.runsOn)
			e.srv.Authenticate = passes(&least)
			e.serve(service())
			least.Store(2)
			e.dial(&client.Options{Credentials: counting(time.Hour, &asked)})
			if n := asked.Load(); n != 2 {
				t.Errorf("source was asked %d times, want 2", n)
			}
			least.Store(100)
			opts := &client.Options{Pins: e.dev.Pins(), Credentials: counting(time.Hour, &asked)}
			asked.Store(0)
			_, err := client.Dial(t.Context(), e.addr(), opts)
			if n := asked.Load(); n != 2 || !errors.Is(err, twinwire.Expired) {
				t.Errorf("source was asked %d times, %v", n, err)
			}
			// The same again is of no use.
			var same atomic.Int32
			opts.Credentials = func(context.Context) (*core.Credential, error) {
				same.Add(1)
				return core.TokenCredential("ann/1h/1"), nil
			}
			if _, err = client.Dial(t.Context(), e.addr(), opts); !errors.Is(err, twinwire.Expired) || same.Load() != 2 {
				t.Errorf("source was asked %d times, %v", same.Load(), err)
			}
			// Run stops, too.
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			err = client.Run(ctx, e.addr(), opts, func(context.Context, *core.Session) error { return nil })
			if !errors.Is(err, twinwire.Expired) {
				t.Errorf("Run = %v", err)
			}
		})
	}
}

// A source that fails, or hangs, fails the try and nothing else.
func TestSourceFails(t *testing.T) {
	e := start(t, "wss://", "websocket")
	e.srv.Authenticate = passes(new(atomic.Int32))
	e.serve(service())
	dial := func(c client.Credentials, d time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		s, err := client.Dial(ctx, e.addr(), &client.Options{Pins: e.dev.Pins(), Credentials: c})
		if err == nil {
			_ = s.Close()
		}
		return err
	}
	failed := errors.New("login service is down")
	if err := dial(func(context.Context) (*core.Credential, error) { return nil, failed }, 10*time.Second); !errors.Is(err, failed) || !errors.As(err, new(*client.DialError)) {
		t.Errorf("Dial = %v", err)
	}
	if err := dial(func(context.Context) (*core.Credential, error) { panic("ouch") }, 10*time.Second); err == nil || !strings.Contains(err.Error(), "ouch") {
		t.Errorf("Dial = %v", err)
	}
	release := make(chan struct{})
	if err := dial(func(context.Context) (*core.Credential, error) { <-release; return nil, nil }, 50*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Dial = %v", err)
	}
	close(release)
	// One that says that there is nothing to be had ends Run.
	var asked atomic.Int32
	no := twinwire.Errorf(twinwire.Unauthorized, "logged out")
	err := client.Run(t.Context(), e.addr(), &client.Options{Pins: e.dev.Pins(), Credentials: func(context.Context) (*core.Credential, error) {
		asked.Add(1)
		return nil, no
	}}, func(context.Context, *core.Session) error { return nil })
	if !errors.Is(err, no) || asked.Load() != 1 {
		t.Errorf("Run = %v, source was asked %d times", err, asked.Load())
	}
}

// A session that has lost its wire shows new credentials, and is given up where
// there are none that are good.
func TestCredentialsAfterLoss(t *testing.T) {
	for _, good := range []bool{true, false} {
		t.Run(fmt.Sprint(good), func(t *testing.T) {
			var least, asked atomic.Int32
			e := start(t, "wss://", "websocket")
			e.srv.Authenticate = passes(&least)
			e.serve(service())
			r := newRoad(t, e.ln.Addr())
			s, err := client.Dial(t.Context(), "wss://"+r.addr(), &client.Options{Pins: e.dev.Pins(), Credentials: counting(time.Hour, &asked)})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			echo(t, s)
			least.Store(2)
			if !good {
				least.Store(100)
			}
			r.cut()
			if good {
				echo(t, s)
				return
			}
			<-s.Done()
			if !errors.Is(s.Err(), twinwire.Expired) || asked.Load() != 3 {
				t.Errorf("ended with %v, source was asked %d times", s.Err(), asked.Load())
			}
		})
	}
}
