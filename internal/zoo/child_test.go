package zoo

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/codec/reflective"
	"github.com/twinwire/twinwire/compress/deflate"
	"github.com/twinwire/twinwire/compress/zstd"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/internal/leak"
	"github.com/twinwire/twinwire/server"
)

// childEnv has this program be the server.
const childEnv = "TWINWIRE_ZOO"

// childMemory is what the server may take before it dies.
const childMemory = 512 << 20

func TestMain(m *testing.M) {
	if setting := os.Getenv(childEnv); setting != "" {
		if err := child(setting); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	leak.Main(m)
}

// A setting is what the parent wants of the server.
type setting struct {
	// Silent lets any number of connections in, as slowly as they like.
	Silent bool
	// Events is how many bytes of events a second all sessions get.
	Events int
	// Keys are those of tokens, as JSON; who shows none is let in as nobody.
	Keys []byte
}

// Figures are what the server knows of itself.
type figures struct {
	CPU                int64 // ns
	Heap, Stack, RSS   uint64
	Goroutines         int
	Sessions, Handlers int
	MostHandlers       int
	Connections        int
	Reached            map[string]uint64
}

// child serves until its input ends.
func child(arg string) error {
	var set setting
	if err := json.Unmarshal([]byte(arg), &set); err != nil {
		return err
	}
	dev, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true})
	if err != nil {
		return err
	}
	var running, most atomic.Int64
	large := codec.Raw(codec.AppendBytes(nil, make([]byte, 64<<10)))
	hub := new(events.Hub)
	srv := &server.Server{
		Certs: dev, Logger: slog.New(slog.DiscardHandler), Heartbeat: 3 * time.Second,
		Compression: []core.Compression{zstd.New(), deflate.New()},
		Connected:   hub.Add,
		Handler:     http.NotFoundHandler(),
		Limits: &core.Limits{
			HandshakeTime: 2 * time.Second, ResumeTime: 5 * time.Second,
			Admission: core.Admission{HeaderTime: time.Second, Memory: childMemory * 3 / 4},
		},
	}
	if err := set.know(srv); err != nil {
		return err
	}
	if set.Silent {
		srv.Limits.HandshakeTime = 5 * time.Second
		srv.Limits.Admission = core.Admission{Memory: childMemory * 3 / 4, HeaderTime: 5 * time.Second, AddressSessions: -1, AddressConnections: -1, ConnectRate: -1, ConnectBurst: -1, RetryAbove: -1}
	}
	srv.Handle(&core.Service{Name: "zoo", Methods: map[string]core.Method{
		"zoo.Echo": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var v codec.Raw
			return &v, r.Decode(&v)
		},
		"zoo.Any": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			rd := codec.NewReader(r.Raw(), nil)
			_ = rd.Any()
			return nil, rd.Finish()
		},
		"zoo.Struct": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var v struct {
				Numbers []int64
				Large   [][2048]byte
				Any     any
				Map     map[string]any
			}
			return nil, reflective.Unmarshal(r.Raw(), &v, nil)
		},
		"zoo.Slow": func(ctx context.Context, _ any, _ *core.Request) (codec.Marshaler, error) {
			n := running.Add(1)
			defer running.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Millisecond):
			}
			return nil, nil
		},
		"zoo.Subscribe": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var name codec.Value[string]
			if err := r.Decode(&name); err != nil {
				return nil, err
			}
			hub.Unsubscribe(r.Session(), events.Topic(name.V))
			return nil, hub.Subscribe(r.Session(), events.Topic(name.V))
		},
		"zoo.Bytes": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			return large, nil
		},
	}})
	l, err := server.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	if set.Events > 0 {
		go func() { // as long as the process
			size := set.Events / 10
			for at := range time.Tick(100 * time.Millisecond) {
				payload := codec.AppendBytes(nil, binary.BigEndian.AppendUint64(make([]byte, 0, size), uint64(at.UnixNano()))[:size])
				_ = hub.EmitAll(context.Background(), events.Raw{Type: "zoo.Tick", Payload: payload}, nil)
			}
		}()
	}
	debug.SetMemoryLimit(childMemory * 3 / 4)
	if !raceEnabled {
		if err := limitMemory(childMemory); err != nil {
			return err
		}
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode([]string{l.Addr(), dev.Pins()[0].String()}); err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var cpu, over time.Duration
		if n, _ := fmt.Sscanf(lines.Text(), "burn %d %d", (*int64)(&cpu), (*int64)(&over)); n == 2 {
			go burn(context.Background(), cpu, over) // for that time
			continue
		}
		if lines.Text() == "collect" {
			debug.FreeOSMemory()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		st := srv.Stats()
		f := figures{
			CPU: usage(), Heap: m.HeapAlloc, Stack: m.StackInuse, RSS: resident(), Goroutines: runtime.NumGoroutine(),
			Sessions: st.Sessions, Connections: st.Connections, Handlers: int(running.Load()), MostHandlers: int(most.Swap(0)),
			Reached: map[string]uint64{},
		}
		for l, n := range st.Reached {
			f.Reached[l.String()] = n
		}
		if err := out.Encode(f); err != nil {
			return err
		}
	}
	_ = srv.Close()
	if err := <-served; err != server.ErrClosed {
		return err
	}
	return nil
}

// mib returns bytes for people.
func mib(n uint64) float64 { return math.Round(float64(n)/(1<<20)*10) / 10 }
