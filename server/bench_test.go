package server_test

import (
	"context"
	"fmt"
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

// BenchmarkCall measures calls with 32 bytes each way over real sockets with
// TLS, both ends in one process. The bench module compares with the bare
// libraries, in processes of their own.
func BenchmarkCall(b *testing.B) {
	dev, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true})
	if err != nil {
		b.Fatal(err)
	}
	srv := &server.Server{Certs: dev, Logger: slog.New(slog.DiscardHandler)}
	srv.Handle(&core.Service{Name: "bench", Methods: map[string]core.Method{
		"bench.Echo": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			return rawBytes(r.Raw()), nil
		},
	}})
	ln, err := server.Listen("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	defer func() {
		srv.Close()
		<-served
	}()
	for _, w := range wires[:2] {
		s, err := client.Dial(b.Context(), w.prefix+ln.Addr(), &client.Options{Pins: dev.Pins()})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		args := rawBytes(codec.AppendBytes(nil, make([]byte, 30)))
		for _, inFlight := range []int{1, 64, 1024} {
			b.Run(fmt.Sprintf("%s/%d", w.name, inFlight), func(b *testing.B) {
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
	}
}

// rawBytes is a value that is encoded already.
type rawBytes []byte

func (v rawBytes) AppendMsgpack(b []byte) ([]byte, error) { return append(b, v...), nil }
