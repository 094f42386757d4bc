package core_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

var errSoldOut = fmt.Errorf("sold out: %w", twinwire.NotFound)

type figure = codec.Value[uint32]

// in says where a number is in what carries it.
func in(v *figure) *uint32 { return &v.V }

// count yields the numbers from 1 to n, and err if it is not nil.
func count(n uint32, err error) iter.Seq2[uint32, error] {
	return func(yield func(uint32, error) bool) {
		for i := uint32(1); i <= n; i++ {
			if !yield(i, nil) {
				return
			}
		}
		if err != nil {
			yield(0, err)
		}
	}
}

// collect returns what is yielded, and the error that is yielded last.
func collect[T any](t *testing.T, values iter.Seq2[T, error]) (list []T, last error) {
	t.Helper()
	for v, err := range values {
		if last != nil {
			t.Errorf("%v was yielded after the error", v)
		}
		if last = err; err == nil {
			list = append(list, v)
		}
	}
	return list, last
}

func upTo(n uint32) (list []uint32) {
	for i := uint32(1); i <= n; i++ {
		list = append(list, i)
	}
	return list
}

// valueHandlers are methods of every shape with values.
var valueHandlers = map[string]core.Handler{
	// Count answers with as many numbers as it is asked for.
	"test.Count": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
		var n figure
		if err := r.Decode(&n); err != nil {
			return nil, err
		}
		return nil, core.ReplyValues(r, core.Normal, count(n.V, nil), in)
	},
	// Fail does the same and fails.
	"test.Fail": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
		var n figure
		if err := r.Decode(&n); err != nil {
			return nil, err
		}
		return nil, core.ReplyValues(r, core.Normal, count(n.V, errSoldOut), in)
	},
	// Add answers with the sum.
	"test.Add": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
		var sum figure
		for v, err := range core.RequestValues(r, in) {
			if err != nil {
				return nil, err
			}
			sum.V += v
		}
		return sum, nil
	},
	// First answers with the first value and wants no more.
	"test.First": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
		for v, err := range core.RequestValues(r, in) {
			return figure{V: v}, err
		}
		return nil, nil
	},
	"test.Ignore": func(context.Context, *core.Request) (codec.Marshaler, error) { return figure{V: 7}, nil },
	// Sums answers each value with the sum so far.
	"test.Sums": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
		return nil, core.ReplyValues(r, core.Normal, func(yield func(uint32, error) bool) {
			var sum uint32
			for v, err := range core.RequestValues(r, in) {
				if sum += v; !yield(sum, err) {
					return
				}
			}
		}, in)
	},
}

// Values arrive in order, and each range is a call of its own; what a handler
// fails with comes after them.
func TestCallValues(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(valueHandlers)
		p := connect(t, o, cfg, cfg)
		for _, s := range []*core.Session{p.client, p.server} {
			for _, n := range []uint32{0, 1, 3, 5_000} {
				for method, want := range map[string]error{"test.Count": nil, "test.Fail": twinwire.NotFound} {
					seq := core.CallValues(t.Context(), s, method, figure{V: n}, nil, in)
					for range 2 {
						got, err := collect(t, seq)
						if !slices.Equal(got, upTo(n)) || !errors.Is(err, want) {
							t.Errorf("%s of %d yielded %d values, %v", method, n, len(got), err)
						}
						if want != nil && !strings.Contains(err.Error(), "sold out") {
							t.Errorf("error is %v", err)
						}
					}
				}
			}
			_, err := collect(t, core.CallValues(t.Context(), s, "test.Missing", nil, nil, in))
			wantCode(t, err, twinwire.NotImplemented)
			_, err = collect(t, core.CallValues(t.Context(), s, "not a method", nil, nil, in))
			wantCode(t, err, twinwire.BadRequest)
		}
	})
}

// A loop that is left, by a break or by a panic, cancels the call, and the
// handler's iterator can clean up.
func TestCallValuesLeft(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		over := make(chan error, 1)
		cfg, _ := serving(map[string]core.Handler{"test.Count": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			return nil, core.ReplyValues(r, core.Normal, func(yield func(uint32, error) bool) {
				for i := uint32(1); yield(i, nil); i++ {
				}
				<-ctx.Done()
				over <- ctx.Err()
			}, in)
		}})
		p := connect(t, o, cfg, cfg)
		seq := core.CallValues(t.Context(), p.client, "test.Count", nil, core.ValueSource(count(1<<30, nil), in), in)
		for v := range seq {
			if v == 1000 {
				break
			}
		}
		if err := must(t, over); !errors.Is(err, context.Canceled) {
			t.Errorf("handler's context ended with %v", err)
		}
		func() {
			defer func() {
				if v := recover(); v != "enough" {
					t.Errorf("recovered %v", v)
				}
			}()
			for range seq {
				panic("enough")
			}
		}()
		must(t, over)
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		var last error
		for v, err := range core.CallValues(ctx, p.client, "test.Count", nil, nil, in) {
			if v == 10 {
				cancel(errSoldOut)
				synctest.Wait()
			}
			last = err
		}
		if !errors.Is(last, twinwire.Canceled) || !errors.Is(last, errSoldOut) {
			t.Errorf("a canceled call yielded %v last", last)
		}
		must(t, over)
	})
}

// A consumer that is slow slows the handler down, and nothing else.
func TestCallValuesSlowly(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var sent uint32
		cfg, _ := serving(map[string]core.Handler{
			"test.Echo": echo,
			"test.Flood": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
				return nil, core.ReplyValues(r, core.Normal, func(yield func(string, error) bool) {
					for yield(strings.Repeat("x", 1000), nil) {
						sent++
					}
				}, func(v *codec.Value[string]) *string { return &v.V })
			},
		})
		p := connect(t, o, cfg, cfg)
		n := uint32(0)
		for range core.CallValues(t.Context(), p.client, "test.Flood", nil, nil, func(v *codec.Value[string]) *string { return &v.V }) {
			time.Sleep(time.Minute) // of the bubble
			if v, err := call(t.Context(), p.client, "test.Echo", "hello"); v != "hello" || err != nil {
				t.Errorf("Echo = %q, %v", v, err)
			}
			if n++; sent > n+1000 {
				t.Fatalf("%d values were sent when %d had been received", sent, n)
			}
			if n == 20 {
				break
			}
		}
	})
}

// A handler sees the values of its caller and may have enough of them; what
// they fail with reaches both.
func TestCallSource(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(valueHandlers)
		p := connect(t, o, cfg, cfg)
		for _, s := range []*core.Session{p.client, p.server} {
			for _, c := range []struct {
				method string
				values iter.Seq2[uint32, error]
				want   uint32
				code   twinwire.Code
			}{
				{"test.Add", count(0, nil), 0, 0},
				{"test.Add", nil, 0, 0},
				{"test.Add", count(1000, nil), 500_500, 0},
				{"test.Add", count(0, errSoldOut), 0, twinwire.NotFound},
				{"test.Add", count(1000, errSoldOut), 0, twinwire.NotFound},
				{"test.First", count(1<<30, nil), 1, 0},
				{"test.Ignore", count(1<<30, nil), 7, 0},
				{"test.Missing", count(1<<30, nil), 0, twinwire.NotImplemented},
			} {
				var n figure
				err := s.CallSource(t.Context(), c.method, nil, &n, core.ValueSource(c.values, in))
				if n.V != c.want || twinwire.CodeOf(err) != c.code {
					t.Errorf("%s answered %d, %v, want %d, %v", c.method, n.V, err, c.want, c.code)
				}
				if c.code == twinwire.NotFound && err.Error() != "sold out: not found" {
					t.Errorf("%s: error is %v", c.method, err)
				}
			}
		}
	})
}

// What cannot be sent or read is the fault of the side that it is the fault of.
func TestCallSourceBroken(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(valueHandlers)
		p := connect(t, o, cfg, cfg)
		text := func(v *codec.Value[string]) *string { return &v.V }
		words := func(yield func(string, error) bool) { yield("one", nil) }
		err := p.client.CallSource(t.Context(), "test.Add", nil, nil, core.ValueSource(words, text))
		wantCode(t, err, twinwire.BadRequest)
		big := func(yield func(string, error) bool) { yield(strings.Repeat("x", 5<<20), nil) }
		err = p.client.CallSource(t.Context(), "test.Add", nil, nil, core.ValueSource(big, text))
		wantCode(t, err, twinwire.TooLarge)
		_, err = collect(t, core.CallValues(t.Context(), p.client, "test.Count", figure{V: 3}, nil, text))
		wantCode(t, err, twinwire.BadRequest)
		defer func() {
			if v := recover(); v != "empty" {
				t.Errorf("recovered %v", v)
			}
		}()
		_ = p.client.CallSource(t.Context(), "test.Add", nil, nil, core.ValueSource(func(func(uint32, error) bool) { panic("empty") }, in))
	})
}

// Values go both ways at once; what either side ends, or fails with, ends both.
func TestCallValuesBothWays(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(valueHandlers)
		p := connect(t, o, cfg, cfg)
		sums := func(values iter.Seq2[uint32, error]) iter.Seq2[uint32, error] {
			return core.CallValues(t.Context(), p.client, "test.Sums", nil, core.ValueSource(values, in), in)
		}
		if got, err := collect(t, sums(count(4, nil))); !slices.Equal(got, []uint32{1, 3, 6, 10}) || err != nil {
			t.Errorf("got %v, %v", got, err)
		}
		if _, err := collect(t, sums(count(4, errSoldOut))); !errors.Is(err, twinwire.NotFound) || !errors.Is(err, errSoldOut) {
			t.Errorf("a source that fails: %v", err)
		}
		for range sums(count(1<<30, nil)) {
			break
		}
		// Each value is answered before the next is made.
		turns := make(chan bool, 1)
		pingPong := func(yield func(uint32, error) bool) {
			for i := range uint32(3) {
				if !yield(i, nil) {
					return
				}
				<-turns
			}
		}
		n := 0
		for _, err := range sums(pingPong) {
			if err != nil {
				t.Error(err)
			}
			n++
			turns <- true
		}
		if n != 3 {
			t.Errorf("%d turns", n)
		}
		defer func() {
			if v := recover(); v != "empty" {
				t.Errorf("recovered %v", v)
			}
		}()
		_, _ = collect(t, sums(func(func(uint32, error) bool) { panic("empty") }))
	})
}
