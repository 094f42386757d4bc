package core_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// endHandlers wait for their context in the middle of an answer and then end
// as if there were no more.
var endHandlers = map[string]core.Handler{
	"test.Values": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
		return nil, core.ReplyValues(r, core.Normal, func(yield func(uint32, error) bool) {
			yield(1, nil)
			<-ctx.Done()
		}, in)
	},
	"test.Body": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
		pr, pw := io.Pipe()
		go func() { // ends with the context, or the reader
			_, _ = io.WriteString(pw, "one")
			<-ctx.Done()
			_ = pw.Close()
		}()
		return nil, r.ReplyBody(core.Bulk, pr)
	},
	"test.Panic": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
		return nil, core.ReplyValues(r, core.Normal, func(yield func(uint32, error) bool) {
			yield(1, nil)
			panic("oh no")
		}, in)
	},
}

// What was cut short by a deadline does not look whole, whichever side notices
// the deadline first.
func TestReplyCutShort(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(endHandlers)
		p := connect(t, o, cfg, cfg)
		for range 50 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := collect(t, core.CallValues(ctx, p.client, "test.Values", nil, nil, in))
			wantCode(t, err, twinwire.DeadlineExceeded)
			cancel()
			ctx, cancel = context.WithTimeout(t.Context(), time.Second)
			body, err := p.client.CallBody(ctx, "test.Body", nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.ReadAll(body)
			wantCode(t, err, twinwire.DeadlineExceeded)
			_ = body.Close()
			cancel()
		}
	})
}

// The end of the session, and a panic of the handler, end what is yielded and
// what is read.
func TestReplyBrokenOff(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, log := serving(endHandlers)
		p := connect(t, o, cfg, cfg)
		_, err := collect(t, core.CallValues(t.Context(), p.client, "test.Panic", nil, nil, in))
		wantCode(t, err, twinwire.Internal)
		if !log.has("panicked", "oh no") {
			t.Error("panic was not logged")
		}
		endless := core.ValueSource(count(1<<30, nil), in)
		body, err := p.client.CallBody(t.Context(), "test.Body", nil, endless)
		if err != nil {
			t.Fatal(err)
		}
		var last error
		for _, last = range core.CallValues(t.Context(), p.client, "test.Values", nil, endless, in) {
			synctest.Wait()
			p.cc.Cut()
		}
		wantCode(t, last, twinwire.OutcomeUnknown)
		_, err = io.ReadAll(body)
		wantCode(t, err, twinwire.OutcomeUnknown)
		if err := body.Close(); err != nil {
			t.Error(err)
		}
		_, err = collect(t, core.CallValues(t.Context(), p.client, "test.Values", nil, endless, in))
		wantCode(t, err, twinwire.Unavailable)
		_, err = p.client.CallBody(t.Context(), "test.Body", nil, endless)
		wantCode(t, err, twinwire.Unavailable)
		wantCode(t, p.client.CallSource(t.Context(), "test.Values", nil, nil, endless), twinwire.Unavailable)
	})
}

// Interceptors stand around the whole of a loop, and have returned when it is
// left.
func TestCallValuesIntercepted(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(valueHandlers)
		var ended []error
		cfg.CallInterceptors = []core.CallInterceptor{func(ctx context.Context, c *core.Outgoing, next core.Invoker) error {
			if strings.HasSuffix(c.Method, "Missing") {
				return errSoldOut
			}
			err := next(ctx, c)
			ended = append(ended, err)
			return err
		}}
		p := connect(t, o, cfg, cfg)
		for range core.CallValues(t.Context(), p.client, "test.Sums", nil, core.ValueSource(count(1<<30, nil), in), in) {
			break
		}
		var sum figure
		if err := p.client.CallSource(t.Context(), "test.Add", nil, &sum, core.ValueSource(count(3, nil), in)); err != nil || sum.V != 6 {
			t.Errorf("sum is %d, %v", sum.V, err)
		}
		if len(ended) != 2 || !errors.Is(ended[0], twinwire.Canceled) || ended[1] != nil {
			t.Errorf("calls ended with %v", ended)
		}
		if _, err := collect(t, core.CallValues(t.Context(), p.client, "test.Missing", nil, nil, in)); err != errSoldOut {
			t.Errorf("interceptor's error: %v", err)
		}
	})
}
