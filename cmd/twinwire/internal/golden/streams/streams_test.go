package streams

import (
	"context"
	"errors"
	"io"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/other"
	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/pair"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// run runs a test in a bubble of fake time, once with the server's handler and
// once with the client's.
func run(t *testing.T, test func(t *testing.T, c *FlowClient, h *flow)) {
	for name, calls := range map[string]func(server, client *core.Session) *core.Session{
		"ClientCalls": func(_, client *core.Session) *core.Session { return client },
		"ServerCalls": func(server, _ *core.Session) *core.Session { return server },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &flow{over: make(chan error, 1)}
				services := []*core.Service{NewService(func(*Session) Flow { return h })}
				c, err := NewClient(calls(pair.Connect(t, services, services)))
				if err != nil {
					t.Fatal(err)
				}
				test(t, c, h)
			})
		})
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

func values[T any](list ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// Nothing is sent before the iterator is ranged over, and each range is a call
// of its own, which ends with the loop.
func TestWatch(t *testing.T) {
	run(t, func(t *testing.T, c *FlowClient, h *flow) {
		readings := c.Watch(t.Context(), -1, time.Minute)
		for range 2 {
			began, n := time.Now(), int32(-1)
			for r, err := range readings {
				if err != nil {
					t.Fatal(err)
				}
				if r.Value != n || r.At.Sub(began) != time.Duration(n+2)*time.Minute || len(r.Tags) != 1 {
					t.Errorf("reading %+v, want %d", r, n)
				}
				if n++; n == 3 {
					break
				}
			}
			if err := <-h.over; !errors.Is(err, context.Canceled) {
				t.Errorf("handler's context ended with %v", err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		list, err := collect(t, c.Watch(ctx, 0, time.Minute))
		if len(list) != 1 || !errors.Is(err, twinwire.DeadlineExceeded) {
			t.Errorf("until a deadline: %v, %v", list, err)
		}
		if err := <-h.over; err == nil {
			t.Error("handler's context has not ended")
		}
		// What was yielded is not written over.
		next, stop := iter.Pull2(readings)
		first, _, _ := next()
		_, _, _ = next()
		stop()
		if first.Tags[0] != "-1" {
			t.Errorf("first reading has become %+v", first)
		}
		<-h.over
	})
}

// A handler's error comes after the values before it.
func TestFail(t *testing.T) {
	run(t, func(t *testing.T, c *FlowClient, _ *flow) {
		for _, n := range []uint32{0, 1, 5000} {
			want, _ := collect(t, numbers(n, nil))
			got, err := collect(t, c.Fail(t.Context(), n))
			if !slices.Equal(got, want) || !errors.Is(err, twinwire.NotFound) || !strings.Contains(err.Error(), "sold out") {
				t.Errorf("Fail of %d yielded %d values, %v", n, len(got), err)
			}
		}
		for range c.Fail(t.Context(), 1<<30) {
			break
		}
		func() {
			defer func() { _ = recover() }()
			for range c.Fail(t.Context(), 1<<30) {
				panic("enough")
			}
		}()
	})
}

// A handler takes as many values as it wants, and is told what they fail with.
func TestSum(t *testing.T) {
	run(t, func(t *testing.T, c *FlowClient, _ *flow) {
		ctx := t.Context()
		if sum, err := c.Sum(ctx, 0, numbers(1000, nil)); sum != 500_500 || err != nil {
			t.Errorf("Sum = %d, %v", sum, err)
		}
		if sum, err := c.Sum(ctx, 2, numbers(1<<30, nil)); sum != 3 || err != nil {
			t.Errorf("Sum of two = %d, %v", sum, err)
		}
		for _, n := range []uint32{0, 1000} {
			if _, err := c.Sum(ctx, 0, numbers(n, errSoldOut)); !errors.Is(err, errSoldOut) || err.Error() != errSoldOut.Error() {
				t.Errorf("Sum of %d numbers and an error: %v", n, err)
			}
		}
		if n, why, err := c.Drop(ctx, values(&other.Point{X: 1}, &other.Point{X: 2})); n != 3 || why != "end" || err != nil {
			t.Errorf("Drop = %d, %q, %v", n, why, err)
		}
		if n, why, err := c.Drop(ctx, values(&other.Point{X: 1}, nil, &other.Point{})); n != 1 || why != "nil" || err != nil {
			t.Errorf("Drop of nil = %d, %q, %v", n, why, err)
		}
		// A handler may make the best of it, but the caller knows.
		_, why, err := c.Drop(ctx, func(yield func(*other.Point, error) bool) { yield(nil, errSoldOut) })
		if why != "sold out: not found" || !errors.Is(err, errSoldOut) {
			t.Errorf("Drop of an error: %q, %v", why, err)
		}
		endless := func(yield func(string, error) bool) {
			for yield("again", nil) {
			}
		}
		if err := c.Ignore(ctx, endless); err != nil {
			t.Errorf("Ignore = %v", err)
		}
		ctx, cancel := context.WithCancel(ctx)
		_, err = c.Sum(ctx, 0, func(yield func(uint32, error) bool) {
			for yield(1, nil) {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) || !errors.Is(err, twinwire.Canceled) {
			t.Errorf("canceled Sum = %v", err)
		}
	})
}

// Values go both ways at once.
func TestSums(t *testing.T) {
	run(t, func(t *testing.T, c *FlowClient, _ *flow) {
		ctx := t.Context()
		if got, err := collect(t, c.Sums(ctx, values[uint32](1, 2, 3))); !slices.Equal(got, []uint64{1, 3, 6}) || err != nil {
			t.Errorf("Sums = %v, %v", got, err)
		}
		if _, err := collect(t, c.Sums(ctx, numbers(10, errSoldOut))); !errors.Is(err, errSoldOut) {
			t.Errorf("Sums of an error: %v", err)
		}
		n := uint64(0)
		for sum, err := range c.Sums(ctx, numbers(1<<30, nil)) {
			time.Sleep(time.Second) // of the bubble: a slow consumer
			if n++; err != nil || sum != n*(n+1)/2 {
				t.Fatalf("sum %d is %d, %v", n, sum, err)
			}
			if n == 100 {
				break
			}
		}
		want := []any{int64(1), "two", nil, []any{true}}
		if got, err := collect(t, c.Anything(ctx, values(want...))); !reflect.DeepEqual(got, want) || err != nil {
			t.Errorf("Anything = %v, %v", got, err)
		}
	})
}

// Bytes go up, down, and both ways, beside values too.
func TestBytes(t *testing.T) {
	run(t, func(t *testing.T, c *FlowClient, _ *flow) {
		ctx := t.Context()
		text := strings.Repeat("some words ", 50_000)
		if r, err := c.Put(ctx, "text", strings.NewReader(text)); r != (Receipt{"text", int64(len(text))}) || err != nil {
			t.Errorf("Put = %+v, %v", r, err)
		}
		if _, err := c.Put(ctx, "", strings.NewReader(text)); !errors.Is(err, twinwire.NotFound) {
			t.Errorf("Put that is refused: %v", err)
		}
		if _, err := c.Put(ctx, "text", iotest.ErrReader(io.ErrNoProgress)); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("Put of what cannot be read: %v", err)
		}
		if _, err := c.Get(ctx, ""); !errors.Is(err, twinwire.NotFound) {
			t.Errorf("Get that is refused: %v", err)
		}
		if _, err := all(c.Get(ctx, "broken")); !errors.Is(err, twinwire.NotFound) {
			t.Errorf("Get that breaks off: %v", err)
		}
		if got, err := all(c.Get(ctx, "abc")); got != strings.Repeat("abc", 100_000) || err != nil {
			t.Errorf("Get = %d bytes, %v", len(got), err)
		}
		if body, err := c.Get(ctx, "abc"); err != nil || body.Close() != nil {
			t.Error("Close without Read")
		}
		if got, err := all(c.Upper(ctx, strings.NewReader(text))); got != strings.ToUpper(text) || err != nil {
			t.Errorf("Upper = %d bytes, %v", len(got), err)
		}
		if got, err := collect(t, c.Words(ctx, strings.NewReader("to be or"))); !slices.Equal(got, []string{"to", "be", "or"}) || err != nil {
			t.Errorf("Words = %q, %v", got, err)
		}
		for range c.Words(ctx, strings.NewReader(text)) {
			break
		}
		if got, err := all(c.Join(ctx, values("to", "be"))); got != "to be " || err != nil {
			t.Errorf("Join = %q, %v", got, err)
		}
	})
}

// all reads what a method has returned.
func all(body io.ReadCloser, err error) (string, error) {
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(body)
	return string(b), errors.Join(err, body.Close())
}
