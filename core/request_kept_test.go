package core_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// What a handler should not have kept is still its own request, and over: it
// never is another's, and harms none.
func TestRequestKept(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		type kept struct {
			ctx context.Context
			r   *core.Request
		}
		var all []kept
		keep := func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			all = append(all, kept{ctx, r})
			return nil, nil
		}
		cfg, _ := serving(map[string]core.Handler{"test.Keep": keep, "test.Note": keep, "test.Echo": echo})
		p := connect(t, o, cfg, &core.Config{})
		others := func() {
			for range 50 {
				if got, err := call(t.Context(), p.client, "test.Echo", "x"); err != nil || got != "x" {
					t.Fatalf("another call: %q, %v", got, err)
				}
			}
		}
		for range 3 {
			if _, err := call(t.Context(), p.client, "test.Keep", "args"); err != nil {
				t.Fatal(err)
			}
			if err := p.client.Send(t.Context(), "test.Note", str("args")); err != nil {
				t.Fatal(err)
			}
			others()
		}
		if len(all) != 6 {
			t.Fatalf("%d were served", len(all))
		}
		for i, k := range all {
			name := []string{"test.Keep", "test.Note"}[i%2]
			if s, _ := core.SessionFrom(k.ctx); s != p.server || k.r.Session() != p.server {
				t.Error("it is of another session")
			}
			if r, _ := core.RequestFrom(k.ctx); r != k.r || r.Name() != name || r.OneWay() != (i%2 == 1) {
				t.Errorf("%s is another request", name)
			}
			if <-k.ctx.Done(); !errors.Is(k.ctx.Err(), context.Canceled) {
				t.Errorf("the context ended with %v", k.ctx.Err())
			}
			if k.r.Raw() != nil || k.r.Metadata() != nil || k.r.Decode(new(codec.Value[string])) == nil {
				t.Error("there are arguments")
			}
			if n, err := k.r.Reader(0).Read(make([]byte, 1)); err == nil || err == io.EOF {
				t.Errorf("read %d, %v", n, err)
			}
			if n, err := k.r.Writer(0, core.Normal).Write([]byte("late")); err == nil {
				t.Errorf("wrote %d", n)
			}
			if _, err := p.server.Emit("test.Late", nil, core.DropOldest, k.r); err != nil {
				t.Error(err)
			}
			k.r.SetReplyMetadata(core.Metadata{"late": "1"})
			k.r.Uncompressed()
		}
		others()
	})
}

// A call that is given up at the moment of its answer ends no other's context.
func TestCancelOfAnswered(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var wrong, canceled atomic.Int32
		patient := func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			for range 20 {
				if runtime.Gosched(); ctx.Err() != nil {
					wrong.Add(1)
				}
			}
			return echo(ctx, r)
		}
		cfg, _ := serving(map[string]core.Handler{"test.Patient": patient, "test.Echo": echo})
		p := connect(t, o, cfg, &core.Config{})
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				for n := range 200 {
					if i%2 == 0 {
						if _, err := call(t.Context(), p.client, "test.Patient", "x"); err != nil {
							t.Error(err)
						}
						continue
					}
					ctx, cancel := context.WithCancel(t.Context())
					go func() {
						for range n % 8 {
							runtime.Gosched()
						}
						cancel()
					}()
					if _, err := call(ctx, p.client, "test.Echo", "x"); errors.Is(err, context.Canceled) {
						canceled.Add(1)
					} else if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if wrong.Load() > 0 {
			t.Errorf("%d times a call was over that nobody gave up", wrong.Load())
		}
		t.Logf("%d calls were given up", canceled.Load())
	})
}
