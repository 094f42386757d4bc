package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/server"
)

// benchServer serves what the benchmarks call, and returns its address and the
// pins of its certificate.
func benchServer(b *testing.B) (addr string, pins []certs.Pin) {
	dev, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true})
	if err != nil {
		b.Fatal(err)
	}
	srv := &server.Server{Certs: dev, Logger: slog.New(slog.DiscardHandler)}
	srv.Handle(benchServices()...)
	ln, err := server.Listen("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	b.Cleanup(func() {
		srv.Close()
		<-served
	})
	return ln.Addr(), dev.Pins()
}

// benchServices are what the benchmarks call.
func benchServices() []*core.Service {
	return []*core.Service{{Name: "bench", Methods: map[string]core.Method{
		"bench.Echo": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			return rawBytes(r.Raw()), nil
		},
		"bench.Bytes": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			_, err := io.Copy(discard{}, r.Reader(0))
			return nil, err
		},
		"bench.Values": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			values := r.Reader(0)
			for {
				var v codec.Raw
				switch err := values.Receive(&v); err {
				case nil:
				case io.EOF:
					return nil, nil
				default:
					return nil, err
				}
			}
		},
		"bench.Note": func(context.Context, any, *core.Request) (codec.Marshaler, error) { return nil, nil },
	}}}
}

// discard is io.Discard without its ReadFrom, which reads in small pieces.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// benchWires runs a benchmark over WebSocket and over QUIC.
func benchWires(b *testing.B, f func(b *testing.B, s *core.Session)) {
	addr, pins := benchServer(b)
	for _, w := range wires[:2] {
		b.Run(w.name, func(b *testing.B) {
			s, err := client.Dial(b.Context(), w.prefix+addr, &client.Options{Pins: pins})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			f(b, s)
		})
	}
}

// BenchmarkStream measures streams of bytes to the server.
func BenchmarkStream(b *testing.B) {
	benchWires(b, func(b *testing.B, s *core.Session) {
		for _, size := range []int{1 << 20, 64 << 20} {
			b.Run(fmt.Sprintf("%dMiB", size>>20), func(b *testing.B) {
				data := make([]byte, size)
				b.SetBytes(int64(size))
				for b.Loop() {
					x, err := s.Begin(b.Context(), "bench.Bytes", nil)
					if err != nil {
						b.Fatal(err)
					}
					w := x.Writer(0, core.Bulk)
					if _, err := w.Write(data); err != nil {
						b.Fatal(err)
					}
					_ = w.Close()
					if err := x.Result(nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

// BenchmarkValues measures a stream of values of 64 bytes to the server, next
// to one-way messages of the same.
func BenchmarkValues(b *testing.B) {
	benchWires(b, func(b *testing.B, s *core.Session) {
		v := rawBytes(codec.AppendBytes(nil, make([]byte, 62)))
		b.Run("Stream", func(b *testing.B) {
			x, err := s.Begin(b.Context(), "bench.Values", nil)
			if err != nil {
				b.Fatal(err)
			}
			w := x.Writer(0, core.Normal)
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Send(v); err != nil {
					b.Fatal(err)
				}
			}
			_ = w.Close()
			if err := x.Result(nil); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "values/s")
		})
		b.Run("Messages", func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if err := s.Send(b.Context(), "bench.Note", v); err != nil {
					b.Fatal(err)
				}
				if n++; n%2000 == 0 { // within the queue's bound
					if err := s.Call(b.Context(), "bench.Echo", v, nil); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	})
}

// BenchmarkCall measures calls with 32 bytes each way over real sockets with
// TLS, both ends in one process. The bench module compares with the bare
// libraries, in processes of their own.
func BenchmarkCall(b *testing.B) {
	benchWires(b, func(b *testing.B, s *core.Session) {
		args := rawBytes(codec.AppendBytes(nil, make([]byte, 30)))
		for _, inFlight := range []int{1, 64, 1024} {
			b.Run(fmt.Sprint(inFlight), func(b *testing.B) {
				b.ReportAllocs()
				var left atomic.Int64
				left.Store(int64(b.N))
				var wg sync.WaitGroup
				for range inFlight {
					wg.Go(func() {
						for left.Add(-1) >= 0 {
							if err := s.Call(b.Context(), "bench.Echo", args, nil); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
			})
		}
	})
}

// rawBytes is a value that is encoded already.
type rawBytes []byte

func (v rawBytes) AppendMsgpack(b []byte) ([]byte, error) { return append(b, v...), nil }
