package server_test

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// BenchmarkRetention compares sessions that can go on with another carrier, and
// so keep what they send until it is acknowledged, with sessions that cannot.
// They take turns, a round of each in one iteration, so that both see the same
// machine; the figures are those of sessions that can: what they carry, and how
// that and the latency compare (the median of the rounds).
func BenchmarkRetention(b *testing.B) {
	never := &core.Limits{ResumeTime: -1}
	compare := func(b *testing.B, name string, dial func(b *testing.B, limits *core.Limits) *core.Session) {
		b.Run(name, func(b *testing.B) {
			sessions := [2]*core.Session{dial(b, nil), dial(b, never)}
			for _, inFlight := range []int{1, 64} {
				b.Run(fmt.Sprint(inFlight), func(b *testing.B) { compareRounds(b, sessions, inFlight) })
			}
		})
	}
	compare(b, "mem", dialMem)
	addr, pins := benchServer(b)
	for _, w := range wires[:2] {
		compare(b, w.name, func(b *testing.B, limits *core.Limits) *core.Session {
			s, err := client.Dial(b.Context(), w.prefix+addr, &client.Options{Pins: pins, Limits: limits})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { s.Close() })
			return s
		})
	}
}

// dialMem begins a session within the process.
func dialMem(b *testing.B, limits *core.Limits) *core.Session {
	log := slog.New(slog.DiscardHandler)
	a, err := core.NewAcceptor(&core.Config{Services: benchServices(), Logger: log})
	if err != nil {
		b.Fatal(err)
	}
	near, far := mem.Pipe(&mem.Options{OnePipe: true})
	served := make(chan error, 1)
	go func() { served <- a.Serve(far) }()
	cfg := &core.Config{Limits: limits, Logger: log, Reconnect: func(s *core.Session, cause error) { s.GiveUp(cause) }}
	offer, err := core.Greet(b.Context(), near, cfg, nil, core.NewAttempt())
	if err != nil {
		b.Fatal(err)
	}
	s := offer.Accept()
	b.Cleanup(func() {
		s.Close()
		<-served
	})
	return s
}

// compareRounds has the two sessions take turns.
func compareRounds(b *testing.B, sessions [2]*core.Session, inFlight int) {
	const round = 2000 // calls
	args := rawBytes(codec.AppendBytes(nil, make([]byte, 30)))
	var ratios []float64
	var all time.Duration
	for b.Loop() {
		var took [2]time.Duration
		for turn := range 2 {
			i := (turn + len(ratios)) % 2 // now one is first, now the other
			took[i] = calls(b, sessions[i], args, inFlight, round)
		}
		ratios = append(ratios, took[0].Seconds()/took[1].Seconds())
		all += took[0]
	}
	slices.Sort(ratios)
	b.ReportMetric(float64(len(ratios)*round)/all.Seconds(), "calls/s")
	b.ReportMetric(100*(ratios[len(ratios)/2]-1), "%slower")
	b.ReportMetric(0, "ns/op") // of both
}

// calls makes so many calls, some at a time.
func calls(b *testing.B, s *core.Session, args codec.Marshaler, inFlight, count int) time.Duration {
	var left atomic.Int64
	left.Store(int64(count))
	began := time.Now()
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
	return time.Since(began)
}
