package core_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// phases follows a session's life until the test ends.
func phases(t *testing.T, s *core.Session) <-chan core.Change {
	all := make(chan core.Change, 100)
	changes := s.Lifecycle(context.Background())
	go func() { // ends with the session
		for c := range changes {
			all <- c
		}
	}()
	return all
}

// Clause 8.4: a server that drains says so, with the time that is left and a
// hint of when to come back, and again when the session goes on with another
// carrier. What runs is finished, and a second Drain joins the first.
func TestDrainAnnounces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		finish := make(chan struct{})
		server, _ := serving(map[string]core.Handler{"test.Echo": echo, "test.Slow": func(context.Context, *core.Request) (codec.Marshaler, error) {
			<-finish
			return nil, nil
		}})
		w := roam(t, server, &core.Config{})
		life := phases(t, w.client)
		slow := async(t.Context(), w.client, "test.Slow")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		until := time.Now().Add(10 * time.Second)
		drained := make(chan error, 2)
		drain := func() { drained <- w.server.Drain(ctx, twinwire.Unavailable, "later", 300*time.Millisecond) }
		go drain()
		synctest.Wait()
		time.Sleep(2 * time.Second)
		w.cut()
		synctest.Wait()
		go drain()
		synctest.Wait()
		var leaving []core.Change
		for len(life) > 0 {
			if c := <-life; c.Phase == core.Leaving {
				leaving = append(leaving, c)
			}
		}
		if len(leaving) != 2 {
			t.Fatalf("told %v, want it twice: before and after the resume", leaving)
		}
		for _, c := range leaving {
			if d := c.Until.Sub(until).Abs(); d > 10*time.Millisecond || c.RetryAfter != 300*time.Millisecond {
				t.Errorf("told %v, %v off, retry after %v", c, d, c.RetryAfter)
			}
		}
		_, err := call(t.Context(), w.client, "test.Echo", "x")
		wantCode(t, err, twinwire.Unavailable)
		none(t, drained)
		close(finish)
		if err := must(t, slow); err != nil {
			t.Errorf("the running call ended with %v", err)
		}
		for range 2 {
			if err := <-drained; err != nil {
				t.Errorf("Drain = %v", err)
			}
		}
		for c := range w.server.Lifecycle(t.Context()) {
			if c.Phase == core.Leaving {
				t.Error("the server was told as well")
			}
		}
	})
}

// Clause 8.4: a client that goes elsewhere is served for half of the time, and
// at most for 5 s, before new calls are refused.
func TestDrainPatience(t *testing.T) {
	for limit, patience := range map[time.Duration]time.Duration{4 * time.Second: 2 * time.Second, time.Minute: 5 * time.Second, 0: 5 * time.Second} {
		t.Run(limit.String(), func(t *testing.T) {
			run(t, func(t *testing.T, o *mem.Options) {
				server, _ := serving(map[string]core.Handler{"test.Echo": echo})
				p := connect(t, o, server, &core.Config{Leaves: true})
				life := phases(t, p.client)
				ctx := t.Context()
				if limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, limit)
					defer cancel()
				}
				began := time.Now()
				drained := make(chan error, 1)
				go func() { drained <- p.server.Drain(ctx, twinwire.Unavailable, "later", 0) }()
				synctest.Wait()
				for time.Since(began) < patience-100*time.Millisecond {
					if _, err := call(t.Context(), p.client, "test.Echo", "x"); err != nil {
						t.Fatalf("a call %v after the announcement: %v", time.Since(began), err)
					}
					time.Sleep(100 * time.Millisecond)
				}
				if err := <-drained; err != nil {
					t.Errorf("Drain = %v", err)
				}
				if d := time.Since(began); d < patience || d > patience+100*time.Millisecond {
					t.Errorf("ended after %v, want %v", d, patience)
				}
				synctest.Wait()
				<-life
				if c := <-life; c.Phase != core.Leaving || c.Until.IsZero() != (limit == 0) || c.RetryAfter != 0 {
					t.Errorf("told %v", c)
				}
			})
		})
	}
}

// CloseWhenQuiet closes a session between calls, and not during one.
func TestCloseWhenQuiet(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		finish := make(chan struct{})
		slow := map[string]core.Handler{"test.Slow": func(context.Context, *core.Request) (codec.Marshaler, error) {
			<-finish
			return nil, nil
		}}
		server, _ := serving(slow)
		client, _ := serving(slow)
		p := connect(t, o, server, client)
		ended := make(chan struct{}, 2)
		closed := make(chan error, 1)
		quiet := func(ctx context.Context) {
			closed <- p.client.CloseWhenQuiet(ctx, twinwire.FirstApplicationCode, "quiet", func() { ended <- struct{}{} })
		}
		for _, s := range []*core.Session{p.client, p.server} {
			answer := async(t.Context(), s, "test.Slow")
			synctest.Wait()
			ctx, cancel := context.WithCancel(t.Context())
			go quiet(ctx)
			time.Sleep(time.Second)
			none(t, closed)
			cancel()
			if err := <-closed; err != context.Canceled {
				t.Errorf("CloseWhenQuiet = %v", err)
			}
			finish <- struct{}{}
			if err := <-answer; err != nil {
				t.Error(err)
			}
		}
		answer := async(t.Context(), p.client, "test.Slow")
		synctest.Wait()
		go quiet(t.Context())
		synctest.Wait()
		none(t, ended)
		close(finish)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if err := <-answer; err != nil {
			t.Errorf("the call under way ended with %v", err)
		}
		must(t, ended)
		none(t, ended)
		_, err := call(t.Context(), p.client, "test.Slow", "")
		wantCode(t, err, twinwire.Unavailable)
		<-p.server.Done()
		wantCode(t, p.server.Err(), twinwire.FirstApplicationCode)
		quiet(t.Context()) // over already
		none(t, ended)
	})
}

// Somebody who makes one call after another does not keep a session from being
// quiet: it is, between an answer and the next call.
func TestCloseWhenQuietAmongCalls(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		answer := make(chan struct{})
		server, _ := serving(map[string]core.Handler{"test.Slow": func(context.Context, *core.Request) (codec.Marshaler, error) {
			<-answer
			return nil, nil
		}})
		p := connect(t, o, server, &core.Config{})
		calls, last := 0, make(chan error, 1)
		go func() {
			for {
				if err := p.client.Call(t.Context(), "test.Slow", nil, nil); err != nil {
					last <- err
					return
				}
				calls++
			}
		}()
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- p.client.CloseWhenQuiet(t.Context(), twinwire.Unavailable, "quiet", func() {}) }()
		synctest.Wait()
		close(answer)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		wantCode(t, <-last, twinwire.Unavailable)
		<-p.client.Done()
		if calls != 1 {
			t.Errorf("%d calls were answered, want that which was under way", calls)
		}
	})
}
