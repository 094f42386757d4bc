package core_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// batch calls a method once for each text, so that the server reads all calls at
// once, and returns where their outcomes arrive.
func batch(t *testing.T, p *pair, o *mem.Options, method string, texts ...string) []chan error {
	t.Helper()
	lane := 1
	if o.OnePipe {
		lane = 0
	}
	p.cc.Stall(lane)
	outcomes := make([]chan error, len(texts))
	for i, text := range texts {
		outcomes[i] = make(chan error, 1)
		go func() {
			got, err := call(t.Context(), p.client, method, text)
			if err == nil && got != text {
				err = fmt.Errorf("answer is %q, want %q", got, text)
			}
			outcomes[i] <- err
		}()
		synctest.Wait() // in this order
	}
	p.cc.Unstall(lane)
	return outcomes
}

// Of a batch that is served where it is read, a call that blocks holds up those
// behind it for two looks at most, and those before it too; what it was sent stays
// as it was while others read on.
func TestBatchThatBlocks(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var gate chan struct{}
		cfg, _ := serving(map[string]core.Handler{
			"test.Flip": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				var v codec.Value[string]
				if err := r.Decode(&v); err != nil {
					return nil, err
				}
				if v.V == "stop" {
					<-gate
				}
				return echo(ctx, r)
			},
		})
		p := connect(t, o, cfg, &core.Config{})
		for _, texts := range [][]string{{"a", "b", "stop"}, {"a", "b", "stop", "c", "d", "e"}} {
			gate = make(chan struct{})
			quick(t, p.client, "test.Flip")
			outcomes := batch(t, p, o, "test.Flip", texts...)
			time.Sleep(3 * time.Millisecond)
			for i, outcome := range outcomes {
				if i == 2 {
					none(t, outcome)
				} else if err := must(t, outcome); err != nil {
					t.Errorf("call %d: %v", i, err)
				}
			}
			quick(t, p.client, "test.Flip")
			close(gate)
			if err := must(t, outcomes[2]); err != nil {
				t.Errorf("the call that blocked: %v", err)
			}
		}
	})
}

// What the reader has no time for is served by workers, which find what was sent
// although the reader reads on.
func TestBatchThatTakesLong(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var served atomic.Int32
		cfg, _ := serving(map[string]core.Handler{
			"test.Echo": echo,
			"test.Flip": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				switch n := served.Add(1); {
				case n == 1:
					time.Sleep(1200 * time.Microsecond) // too long to go on, too short for the lookout
				case n > 1:
					time.Sleep(time.Second)
				}
				return echo(ctx, r)
			},
		})
		p := connect(t, o, cfg, &core.Config{})
		served.Store(-1000)
		quick(t, p.client, "test.Flip")
		served.Store(0)
		outcomes := batch(t, p, o, "test.Flip", "first", "second", "third", "fourth")
		time.Sleep(10 * time.Millisecond)
		for range 100 {
			if _, err := call(t.Context(), p.client, "test.Echo", "something that is quite a bit longer than those were"); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		for i, outcome := range outcomes {
			if err := must(t, outcome); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		}
	})
}

// Of a batch that is served where it is read, a handler that ends its goroutine
// fails its own call only, and the session goes on.
func TestBatchThatEndsItsGoroutine(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{
			"test.Exit": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				var v codec.Value[string]
				if err := r.Decode(&v); err != nil {
					return nil, err
				}
				if v.V == "exit" {
					runtime.Goexit()
				}
				return echo(ctx, r)
			},
		})
		p := connect(t, o, cfg, &core.Config{})
		for range 3 {
			quick(t, p.client, "test.Exit")
			for i, outcome := range batch(t, p, o, "test.Exit", "a", "exit", "b", "c") {
				err := must(t, outcome)
				if i == 1 {
					wantCode(t, err, twinwire.Internal)
				} else if err != nil {
					t.Errorf("call %d: %v", i, err)
				}
			}
		}
	})
}
