package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

// pattern returns n bytes that tell where they belong.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

// back writes what it reads back to the caller.
func back(_ context.Context, r *core.Request) (codec.Marshaler, error) {
	w := r.Writer(0, core.Bulk)
	n, err := io.Copy(w, r.Reader(0))
	if err != nil {
		return nil, err
	}
	return codec.Value[int64]{V: n}, w.Close()
}

// begin begins a call with streams.
func begin(t testing.TB, s *core.Session, method string) *core.Exchange {
	t.Helper()
	x, err := s.Begin(t.Context(), method, nil)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// Bytes go both ways at once, whole and in order, in both directions of
// calling; the answer comes after them.
func TestStreamBothWays(t *testing.T) {
	for _, size := range []int{0, 1, 16 << 10, 16<<10 + 1, 1 << 20, 5 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			run(t, func(t *testing.T, o *mem.Options) {
				cfg, _ := serving(map[string]core.Handler{"test.Back": back})
				p := connect(t, o, cfg, cfg)
				for _, s := range []*core.Session{p.client, p.server} {
					x := begin(t, s, "test.Back")
					data := pattern(size)
					go func() {
						w := x.Writer(0, core.Bulk)
						for b := data; len(b) > 0; {
							n := min(len(b), 10_000)
							if _, err := w.Write(b[:n]); err != nil {
								t.Error(err)
							}
							b = b[n:]
						}
						if err := w.Close(); err != nil {
							t.Error(err)
						}
					}()
					got, err := io.ReadAll(x.Reader(0))
					if err != nil || !bytes.Equal(got, data) {
						t.Errorf("%d bytes came back, %v", len(got), err)
					}
					var n codec.Value[int64]
					if err := x.Result(&n); err != nil || n.V != int64(size) {
						t.Errorf("answered %d, %v", n.V, err)
					}
				}
			})
		})
	}
}

// Values of all sizes arrive one by one.
func TestStreamOfValues(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		sizes := []int{0, 1, 100, 63, 64, 16 << 10, 100_000, 3, 1 << 20, 0}
		cfg, _ := serving(map[string]core.Handler{"test.Values": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
			w := r.Writer(0, core.Normal)
			for _, n := range sizes {
				if err := w.Send(str(strings.Repeat("x", n))); err != nil {
					return nil, err
				}
			}
			return nil, nil
		}})
		p := connect(t, o, cfg, cfg)
		x := begin(t, p.client, "test.Values")
		var v codec.Value[string]
		for i, n := range sizes {
			if err := x.Reader(0).Receive(&v); err != nil || len(v.V) != n {
				t.Fatalf("value %d has %d bytes, %v", i, len(v.V), err)
			}
		}
		if err := x.Reader(0).Receive(&v); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
		if err := x.Result(nil); err != nil {
			t.Error(err)
		}
	})
}

// A reader that does not read stops the writer after a bounded number of bytes
// and holds up nothing else (invariant: every queue is bounded).
func TestStreamBackpressure(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var written int
		cfg, _ := serving(map[string]core.Handler{
			"test.Echo": echo,
			"test.Flood": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
				w := r.Writer(0, core.Bulk)
				for {
					n, err := w.Write(make([]byte, 1000))
					if written += n; err != nil {
						return nil, err
					}
				}
			},
		})
		p := connect(t, o, cfg, cfg)
		x := begin(t, p.client, "test.Flood")
		r := x.Reader(0)
		synctest.Wait()
		if written < 64<<10 || written > 1<<20 {
			t.Errorf("%d bytes were written before the writer had to wait", written)
		}
		if v, err := call(t.Context(), p.client, "test.Echo", "hello"); v != "hello" || err != nil {
			t.Errorf("Echo = %q, %v", v, err)
		}
		was := written
		if _, err := io.ReadFull(r, make([]byte, 300_000)); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if written < was+100_000 {
			t.Errorf("%d more bytes were written after 300,000 had been read", written-was)
		}
		x.Cancel()
		if err := x.Result(nil); !errors.Is(err, twinwire.Canceled) {
			t.Errorf("a canceled call ended with %v", err)
		}
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, twinwire.Canceled) {
			t.Errorf("Read = %v", err)
		}
	})
}

// Whoever ends a stream early, and how, the other side is told.
func TestStreamEndsEarly(t *testing.T) {
	cause := fmt.Errorf("sold out: %w", twinwire.NotFound)
	handlers := map[string]core.Handler{
		"test.Back": back,
		"test.Fail": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
			_, err := io.ReadFull(r.Reader(0), make([]byte, 10))
			_, _ = r.Writer(0, core.Bulk).Write([]byte("begun"))
			return nil, errors.Join(cause, err)
		},
		"test.Enough": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
			_, err := io.ReadFull(r.Reader(0), make([]byte, 10))
			return str("enough"), err
		},
		"test.Stop": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			r.Reader(0).CloseWith(cause)
			<-ctx.Done()
			return nil, ctx.Err()
		},
		"test.Abort": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
			w := r.Writer(0, core.Bulk)
			_, _ = w.Write([]byte("begun"))
			w.Announce()
			_, err := r.Reader(1).Read(make([]byte, 1))
			w.Abort(cause)
			if _, err := w.Write([]byte("x")); err != io.ErrClosedPipe {
				return nil, fmt.Errorf("write after Abort: %v", err)
			}
			return nil, err
		},
	}
	flood := func(w *core.StreamWriter) error {
		for {
			if _, err := w.Write(make([]byte, 5000)); err != nil {
				return err
			}
		}
	}
	t.Run("handler fails", func(t *testing.T) {
		run(t, func(t *testing.T, o *mem.Options) {
			cfg, _ := serving(handlers)
			p := connect(t, o, cfg, cfg)
			x := begin(t, p.client, "test.Fail")
			if err := flood(x.Writer(0, core.Bulk)); !errors.Is(err, twinwire.NotFound) {
				t.Errorf("Write = %v", err)
			}
			if _, err := io.ReadAll(x.Reader(0)); !errors.Is(err, twinwire.NotFound) {
				t.Errorf("Read = %v", err)
			}
			if err := x.Result(nil); !errors.Is(err, twinwire.NotFound) || !strings.Contains(err.Error(), "sold out") {
				t.Errorf("Result = %v", err)
			}
		})
	})
	t.Run("handler has enough", func(t *testing.T) {
		run(t, func(t *testing.T, o *mem.Options) {
			cfg, _ := serving(handlers)
			p := connect(t, o, cfg, cfg)
			x := begin(t, p.client, "test.Enough")
			if err := flood(x.Writer(0, core.Bulk)); err != core.ErrStopped {
				t.Errorf("Write = %v", err)
			}
			var v codec.Value[string]
			if err := x.Result(&v); v.V != "enough" || err != nil {
				t.Errorf("Result = %q, %v", v.V, err)
			}
		})
	})
	t.Run("reader stops", func(t *testing.T) {
		run(t, func(t *testing.T, o *mem.Options) {
			cfg, _ := serving(handlers)
			p := connect(t, o, cfg, cfg)
			x := begin(t, p.client, "test.Stop")
			err := flood(x.Writer(0, core.Bulk))
			if !errors.Is(err, core.ErrStopped) || !errors.Is(err, twinwire.NotFound) || !strings.Contains(err.Error(), "sold out") {
				t.Errorf("Write = %v", err)
			}
			x.Cancel()
			_ = x.Result(nil)
		})
	})
	t.Run("writer aborts", func(t *testing.T) {
		run(t, func(t *testing.T, o *mem.Options) {
			cfg, _ := serving(handlers)
			p := connect(t, o, cfg, cfg)
			x := begin(t, p.client, "test.Abort")
			if _, err := io.ReadFull(x.Reader(0), make([]byte, 5)); err != nil {
				t.Error(err)
			}
			if _, err := x.Writer(1, core.Bulk).Write([]byte("x")); err != nil {
				t.Error(err)
			}
			if _, err := x.Reader(0).Read(make([]byte, 1)); !errors.Is(err, twinwire.NotFound) || !strings.Contains(err.Error(), "sold out") {
				t.Errorf("Read = %v", err)
			}
			if err := x.Result(nil); err != nil {
				t.Errorf("Result = %v", err)
			}
		})
	})
	t.Run("caller cancels", func(t *testing.T) {
		run(t, func(t *testing.T, o *mem.Options) {
			ended := make(chan error, 1)
			cfg, _ := serving(map[string]core.Handler{"test.Read": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
				_, err := io.ReadAll(r.Reader(0))
				ended <- err
				return nil, err
			}})
			p := connect(t, o, cfg, cfg)
			ctx, cancel := context.WithCancel(t.Context())
			x, err := p.client.Begin(ctx, "test.Read", nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := x.Writer(0, core.Bulk).Write([]byte("hello")); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			cancel()
			if err := x.Result(nil); !errors.Is(err, twinwire.Canceled) || !errors.Is(err, context.Canceled) {
				t.Errorf("Result = %v", err)
			}
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("handler's Read = %v", err)
			}
		})
	})
	t.Run("session ends", func(t *testing.T) {
		run(t, func(t *testing.T, o *mem.Options) {
			cfg, _ := serving(handlers)
			p := connect(t, o, cfg, cfg)
			x := begin(t, p.client, "test.Stop")
			y := begin(t, p.client, "test.Back")
			synctest.Wait()
			p.cc.Cut()
			if _, err := y.Reader(0).Read(make([]byte, 1)); !errors.Is(err, twinwire.OutcomeUnknown) {
				t.Errorf("Read = %v", err)
			}
			if err := x.Result(nil); !errors.Is(err, twinwire.OutcomeUnknown) {
				t.Errorf("Result = %v", err)
			}
			if _, err := x.Writer(0, core.Bulk).Write([]byte("x")); !errors.Is(err, twinwire.OutcomeUnknown) {
				t.Errorf("Write = %v", err)
			}
		})
	})
}

// What ends before its first byte was sent is told as well, and what a handler
// has ended arrives whole before the handler's error.
func TestStreamEndsFirst(t *testing.T) {
	cause := fmt.Errorf("sold out: %w", twinwire.NotFound)
	run(t, func(t *testing.T, o *mem.Options) {
		got := make(chan error, 1)
		cfg, _ := serving(map[string]core.Handler{
			"test.Read": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
				_, err := io.ReadAll(r.Reader(0))
				got <- err
				return nil, err
			},
			"test.Late": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
				w := r.Writer(0, core.Bulk)
				_, err := w.Write([]byte("whole"))
				return nil, errors.Join(cause, err, w.Close())
			},
		})
		p := connect(t, o, cfg, cfg)
		x := begin(t, p.client, "test.Read")
		x.Writer(0, core.Bulk).Abort(cause)
		if err := must(t, got); !errors.Is(err, twinwire.NotFound) || !strings.Contains(err.Error(), "sold out") {
			t.Errorf("handler's Read = %v", err)
		}
		wantCode(t, x.Result(nil), twinwire.NotFound)
		x = begin(t, p.client, "test.Late")
		if b, err := io.ReadAll(x.Reader(0)); err != nil || string(b) != "whole" {
			t.Errorf("ReadAll = %q, %v", b, err)
		}
		wantCode(t, x.Result(nil), twinwire.NotFound)
	})
}

// What a reader has is sent although it may have more later.
func TestStreamReadFrom(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Back": back})
		p := connect(t, o, cfg, cfg)
		x := begin(t, p.client, "test.Back")
		in, out := io.Pipe()
		go func() {
			w := x.Writer(0, core.Bulk)
			if n, err := io.Copy(w, in); err != nil || n != 50_100 {
				t.Errorf("Copy = %d, %v", n, err)
			}
			_ = w.Close()
		}()
		for _, n := range []int{5, 50_000, 95} {
			data := pattern(n)
			if _, err := out.Write(data); err != nil {
				t.Error(err)
			}
			got := make([]byte, n)
			if _, err := io.ReadFull(x.Reader(0), got); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes came back wrong, %v", n, err)
			}
		}
		_ = out.Close()
		if err := x.Result(nil); err != nil {
			t.Error(err)
		}
	})
}

// A plain call of a method that streams stops what nobody reads and gets its
// answer.
func TestStreamNobodyReads(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Flood": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
			w := r.Writer(0, core.Bulk)
			for {
				if _, err := w.Write(make([]byte, 1000)); err != nil {
					if !errors.Is(err, core.ErrStopped) {
						t.Errorf("Write = %v", err)
					}
					return str("over"), nil
				}
			}
		}})
		p := connect(t, o, cfg, cfg)
		if v, err := call(t.Context(), p.client, "test.Flood", ""); v != "over" || err != nil {
			t.Errorf("Flood = %q, %v", v, err)
		}
		x := begin(t, p.client, "test.Flood")
		var v codec.Value[string]
		if err := x.Result(&v); v.V != "over" || err != nil {
			t.Errorf("Flood = %q, %v", v.V, err)
		}
	})
}

// More streams than the peer allows wait for their turn, and all of them are
// carried.
func TestManyStreams(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Back": back})
		cfg.Limits = &core.Limits{Streams: 5, StreamsBytes: 100_000}
		p := connect(t, o, cfg, cfg)
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				x := begin(t, p.client, "test.Back")
				data := pattern(30_000 + i)
				go func() {
					w := x.Writer(0, core.Bulk)
					_, _ = w.Write(data)
					_ = w.Close()
				}()
				if got, err := io.ReadAll(x.Reader(0)); err != nil || !bytes.Equal(got, data) {
					t.Errorf("%d bytes came back, %v", len(got), err)
				}
				if err := x.Result(nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

// An interceptor stands around a call with streams as around any other.
func TestStreamIntercepted(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Back": back})
		var took time.Duration
		cfg.CallInterceptors = []core.CallInterceptor{func(ctx context.Context, c *core.Outgoing, next core.Invoker) error {
			if !c.Streams {
				t.Error("interceptor is not told of the streams")
			}
			begin := time.Now()
			err := next(ctx, c)
			took = time.Since(begin)
			return err
		}}
		p := connect(t, o, cfg, cfg)
		x := begin(t, p.client, "test.Back")
		time.Sleep(time.Minute) // of the bubble
		if err := x.Writer(0, core.Bulk).Close(); err != nil {
			t.Error(err)
		}
		var n codec.Value[int64]
		if err := x.Result(&n); err != nil || took < time.Minute {
			t.Errorf("Result = %v, took %v", err, took)
		}
	})
}

// A plain call of a method that reads a stream sends an empty one, instead of
// having both ends wait for ever.
func TestStreamNobodySends(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Back": back})
		p := connect(t, o, cfg, cfg)
		for _, s := range []*core.Session{p.client, p.server} {
			var n codec.Value[int64]
			if err := s.Call(t.Context(), "test.Back", nil, &n); err != nil || n.V != 0 {
				t.Errorf("Back = %d, %v", n.V, err)
			}
		}
	})
}
