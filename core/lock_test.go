package core_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// Who calls while another goroutine has the session's lock leaves the call to
// that one, and calls that were left arrive in their order.
func TestCallsLeft(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var mu sync.Mutex
		var got []string
		cfg, _ := serving(map[string]core.Handler{
			"test.Note": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
				var text codec.Value[string]
				err := r.Decode(&text)
				mu.Lock()
				got = append(got, text.V)
				mu.Unlock()
				return text, err
			},
		})
		cfg.Limits = &core.Limits{Calls: 1} // one after the other
		p := connect(t, o, cfg, new(core.Config))
		release := core.Hold(p.client)
		const calls = 20
		var want []string
		var done sync.WaitGroup
		for i := range calls {
			want = append(want, fmt.Sprint(i))
			done.Go(func() {
				if got, err := call(t.Context(), p.client, "test.Note", want[i]); err != nil || got != want[i] {
					t.Errorf("got %q, %v", got, err)
				}
			})
			synctest.Wait() // which would fail if it waited for the lock
		}
		if len(got) > 0 {
			t.Errorf("calls were made while the session was locked: %q", got)
		}
		release()
		done.Wait()
		if !slices.Equal(got, want) {
			t.Errorf("calls arrived as %q", got)
		}
	})
}

// A call that was left and cannot be started fails as any other.
func TestCallLeftFails(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		server, _ := serving(map[string]core.Handler{"test.Block": block})
		server.Limits = &core.Limits{Calls: 1}
		client := new(core.Config)
		client.Limits = &core.Limits{QueuedCalls: 2}
		p := connect(t, o, server, client)
		ctx, cancel := context.WithCancel(t.Context())
		release := core.Hold(p.client)
		const calls = 3 // of which one is too many
		failed := make(chan error, calls)
		for range calls {
			go func() {
				_, err := call(ctx, p.client, "test.Block", "x")
				failed <- err
			}()
			synctest.Wait()
		}
		none(t, failed)
		release()
		wantCode(t, must(t, failed), twinwire.ResourceExhausted)
		none(t, failed)
		cancel()
		for range calls - 1 {
			wantCode(t, must(t, failed), twinwire.Canceled)
		}
	})
}

// A call that was left and is given up is not made.
func TestCallLeftGivenUp(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var runs atomic.Int32
		cfg, _ := serving(map[string]core.Handler{
			"test.Count": func(context.Context, *core.Request) (codec.Marshaler, error) {
				runs.Add(1)
				return nil, nil
			},
			"test.Block": block,
			"test.Echo":  echo,
		})
		cfg.Limits = &core.Limits{Calls: 1}
		p := connect(t, o, cfg, new(core.Config))
		blocked, unblock := context.WithCancel(t.Context())
		first := async(blocked, p.client, "test.Block")
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		release := core.Hold(p.client)
		failed := async(ctx, p.client, "test.Count")
		synctest.Wait()
		cancel()
		release()
		wantCode(t, <-failed, twinwire.Canceled)
		unblock()
		wantCode(t, <-first, twinwire.Canceled)
		quick(t, p.client, "test.Echo")
		if n := runs.Load(); n > 0 {
			t.Errorf("it was made %d times", n)
		}
	})
}

// A call that was left when the session ended says so.
func TestCallLeftAtEnd(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Block": block})
		p := connect(t, o, cfg, new(core.Config))
		release := core.Hold(p.client)
		failed := async(t.Context(), p.client, "test.Block")
		synctest.Wait()
		go func() { _ = p.client.Close() }()
		release()
		if err := <-failed; !errors.Is(err, twinwire.Unavailable) && !errors.Is(err, twinwire.OutcomeUnknown) {
			t.Errorf("got %v", err)
		}
		<-p.client.Done()
	})
}

// Calls, messages and what is given up contend for the lock, and each call has
// its own answer.
func TestCallsContend(t *testing.T) {
	cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
	cfg.Limits = &core.Limits{Calls: 64}
	p := connect(t, new(mem.Options), cfg, new(core.Config))
	var done sync.WaitGroup
	for i := range 64 {
		done.Go(func() {
			for n := range 200 {
				ctx, cancel := context.WithCancel(t.Context())
				if n%7 == 0 {
					go cancel()
				}
				text := fmt.Sprint(i, n)
				got, err := call(ctx, p.client, "test.Echo", text)
				if n%7 == 0 && errors.Is(err, twinwire.Canceled) {
					err, got = nil, text
				}
				if err != nil || got != text {
					t.Errorf("got %q for %q: %v", got, text, err)
				}
				cancel()
				if n%5 == 0 {
					_ = p.client.Stats()
				}
			}
		})
	}
	done.Wait()
}
