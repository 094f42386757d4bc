package core_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// Messages are handled one after another in their order, of all sizes; a call
// does not wait for them (6.5). Both ends may send.
func TestMessagesInOrder(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var mu sync.Mutex
		var got []string
		busy := 0
		cfg, log := serving(map[string]core.Handler{
			"test.Echo": echo,
			"test.Note": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				var v codec.Value[string]
				if err := r.Decode(&v); err != nil {
					return nil, err
				}
				mu.Lock()
				if busy++; busy > 1 {
					t.Error("two messages are handled at once")
				}
				mu.Unlock()
				time.Sleep(time.Millisecond)
				mu.Lock()
				got = append(got, v.V)
				busy--
				mu.Unlock()
				if v.V == "7" {
					panic("seven")
				}
				return str("ignored"), errors.New("error of " + v.V)
			},
		})
		p := connect(t, o, cfg, cfg)
		for _, s := range []*core.Session{p.client, p.server} {
			var want []string
			for i := range 100 {
				want = append(want, fmt.Sprint(i))
				if err := s.Send(t.Context(), "test.Note", str(want[i])); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			if _, err := call(t.Context(), s, "test.Echo", ""); err != nil {
				t.Error(err)
			}
			mu.Lock()
			if len(got) == 100 {
				t.Error("the call waited for the messages")
			}
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			if !slices.Equal(got, want) {
				t.Errorf("handled %q", got)
			}
			got = nil
			mu.Unlock()
		}
		if !log.has("WARN", "error of 3") || !log.has("ERROR", "seven") {
			t.Errorf("what went wrong is not in the log: %q", log.lines)
		}
	})
}

// A message that is marked unordered does not wait for another.
func TestUnorderedMessages(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		handled := make(chan string, 2)
		release := make(chan struct{})
		cfg, _ := serving(map[string]core.Handler{
			"test.Slow":  func(context.Context, *core.Request) (codec.Marshaler, error) { <-release; return nil, nil },
			"test.Quick": func(context.Context, *core.Request) (codec.Marshaler, error) { handled <- "quick"; return nil, nil },
		})
		p := connect(t, o, cfg, &core.Config{})
		if err := p.client.Send(t.Context(), "test.Slow", nil); err != nil {
			t.Fatal(err)
		}
		if err := p.client.Send(t.Context(), "test.Quick", nil); err != nil {
			t.Fatal(err)
		}
		none(t, handled)
		if err := p.client.Send(core.Unordered(t.Context()), "test.Quick", nil); err != nil {
			t.Fatal(err)
		}
		must(t, handled)
		close(release)
		must(t, handled)
	})
}

// A sender is held back by what the receiver has not handled: messages beyond
// the window wait, up to a bound (5.4).
func TestMessageFlow(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		n := 0
		release := make(chan struct{})
		cfg, _ := serving(map[string]core.Handler{"test.Note": func(context.Context, *core.Request) (codec.Marshaler, error) {
			<-release
			n++
			return nil, nil
		}})
		cfg.Limits = &core.Limits{Messages: 8}
		p := connect(t, o, cfg, &core.Config{Limits: &core.Limits{QueuedCalls: 50}})
		sent := 0
		var err error
		for ; err == nil && sent < 1000; sent++ {
			err = p.client.Send(core.NoWait(t.Context()), "test.Note", nil)
			synctest.Wait()
		}
		wantCode(t, err, twinwire.ResourceExhausted)
		if sent != 8+50+1 || p.client.Stats().Messages != 8 {
			t.Errorf("%d messages were taken and %d sent, want 58 and 8", sent-1, p.client.Stats().Messages)
		}
		close(release)
		if synctest.Wait(); n != 58 {
			t.Errorf("%d messages were handled, want 58", n)
		}
	})
}

// Large messages use up their credit and get it back.
func TestLargeMessages(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		n := 0
		cfg, _ := serving(map[string]core.Handler{"test.Note": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
			if len(r.Raw()) != 1_000_005 {
				t.Errorf("%d bytes arrived", len(r.Raw()))
			}
			n++
			return nil, nil
		}})
		p := connect(t, o, cfg, &core.Config{Limits: &core.Limits{QueuedBytes: 1 << 30}})
		for range 50 {
			if err := p.client.Send(t.Context(), "test.Note", str(strings.Repeat("x", 1_000_000))); err != nil {
				t.Fatal(err)
			}
		}
		if synctest.Wait(); n != 50 {
			t.Errorf("%d messages were handled, want 50", n)
		}
	})
}

// Interceptors of both sides stand around calls and messages, the first one
// outermost; they may change the context and answer by themselves.
func TestInterceptors(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var mu sync.Mutex
		var trace []string
		note := func(s string) {
			mu.Lock()
			defer mu.Unlock()
			trace = append(trace, s)
		}
		served := func(name string) core.Interceptor {
			return func(ctx context.Context, r *core.Request, next core.Handler) (codec.Marshaler, error) {
				note("+" + name + r.Metadata()["by"])
				defer note("-" + name)
				if r.Metadata()["by"] == "nobody" {
					return nil, twinwire.Errorf(twinwire.Unauthorized, "who is it")
				}
				return next(context.WithValue(ctx, testKey{}, name), r)
			}
		}
		calling := func(name string) core.CallInterceptor {
			return func(ctx context.Context, c *core.Outgoing, next core.Invoker) error {
				note("+" + name)
				defer note("-" + name)
				if c.Method == "test.Local" {
					*c.Result.(*codec.Value[string]) = str("local")
					return nil
				}
				return next(core.WithMetadata(ctx, core.Metadata{"by": name}), c)
			}
		}
		cfg, _ := serving(map[string]core.Handler{"test.Echo": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			note(fmt.Sprint(" echo in ", ctx.Value(testKey{})))
			if _, ok := core.RequestFrom(ctx); !ok {
				t.Error("the context lost its request")
			}
			return echo(ctx, r)
		}})
		cfg.Interceptors = []core.Interceptor{served("a"), served("b")}
		p := connect(t, o, cfg, &core.Config{CallInterceptors: []core.CallInterceptor{calling("c"), calling("d")}})
		check := func(want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(trace, want) {
				t.Errorf("trace is %q, want %q", trace, want)
			}
			trace = nil
		}
		if v, err := call(t.Context(), p.client, "test.Echo", "x"); v != "x" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
		check("+c", "+d", "+ad", "+bd", " echo in b", "-b", "-a", "-d", "-c")
		if v, err := call(t.Context(), p.client, "test.Local", "x"); v != "local" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
		check("+c", "-c")
		if err := p.client.Send(t.Context(), "test.Echo", str("x")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		mu.Lock()
		if !slices.Contains(trace, "+ad") || !slices.Contains(trace, "+d") {
			t.Errorf("a message passes %q", trace)
		}
		mu.Unlock()
	})
}

type testKey struct{}

// An interceptor that answers by itself keeps the call from the handler; one
// that panics is answered as a handler that does.
func TestInterceptorAnswers(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, log := serving(map[string]core.Handler{"test.Echo": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			t.Error("the handler is called")
			return nil, nil
		}})
		cfg.Interceptors = []core.Interceptor{func(_ context.Context, r *core.Request, _ core.Handler) (codec.Marshaler, error) {
			if r.Metadata() != nil {
				panic("no metadata please")
			}
			return nil, twinwire.Errorf(twinwire.Unauthorized, "who is it")
		}}
		p := connect(t, o, cfg, &core.Config{})
		_, err := call(t.Context(), p.client, "test.Echo", "")
		wantCode(t, err, twinwire.Unauthorized)
		_, err = call(core.WithMetadata(t.Context(), core.Metadata{"k": "v"}), p.client, "test.Echo", "")
		wantCode(t, err, twinwire.Internal)
		if !log.has("panicked", "no metadata please") {
			t.Errorf("log: %q", log.lines)
		}
	})
}

// Where too much waits to be sent a message waits for room, unless it is not to,
// until its context or the session ends.
func TestSendWaitsForRoom(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		release := make(chan struct{})
		var got []string
		cfg, _ := serving(map[string]core.Handler{
			"test.Note": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
				<-release
				var v codec.Value[string]
				err := r.Decode(&v)
				got = append(got, v.V)
				return nil, err
			},
		})
		cfg.Limits = &core.Limits{Messages: 4}
		p := connect(t, o, cfg, &core.Config{Limits: &core.Limits{QueuedCalls: 8}})
		var want []string
		sent, failed := 0, make(chan error, 1)
		go func() {
			for i := range 100 {
				if err := p.client.Send(t.Context(), "test.Note", str(fmt.Sprint(i))); err != nil {
					failed <- err
					return
				}
				sent++
			}
			failed <- nil
		}()
		for i := range 100 {
			want = append(want, fmt.Sprint(i))
		}
		synctest.Wait()
		if sent < 8 || sent > 13 {
			t.Errorf("%d messages were taken while 4 may be in flight and 8 may wait", sent)
		}
		if err := p.client.Send(core.NoWait(t.Context()), "test.Note", str("")); !errors.Is(err, twinwire.ResourceExhausted) {
			t.Errorf("a message that does not wait: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.client.Send(ctx, "test.Note", str("")); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, twinwire.DeadlineExceeded) {
			t.Errorf("a message that waited for too long: %v", err)
		}
		close(release)
		if err := <-failed; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	})
}

// A message that waits for room ends with its session.
func TestSendWaitsForRoomAtTheEnd(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{
			"test.Note": func(ctx context.Context, _ *core.Request) (codec.Marshaler, error) {
				<-ctx.Done()
				return nil, nil
			},
		})
		cfg.Limits = &core.Limits{Messages: 1}
		p := connect(t, o, cfg, &core.Config{Limits: &core.Limits{QueuedCalls: 1}})
		failed := make(chan error, 1)
		go func() {
			for {
				if err := p.client.Send(t.Context(), "test.Note", str("")); err != nil {
					failed <- err
					return
				}
			}
		}()
		synctest.Wait()
		p.server.CloseWith(twinwire.Unavailable, "enough", 0)
		if err := <-failed; !errors.Is(err, twinwire.Unavailable) {
			t.Errorf("a message that waited at the end: %v", err)
		}
	})
}
