package core_test

import (
	"context"
	"testing"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

func echoService() *core.Service {
	return &core.Service{Name: "test", Methods: map[string]core.Method{
		"test.Echo": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var v codec.Raw
			if err := r.Decode(&v); err != nil {
				return nil, err
			}
			return v, nil
		},
	}}
}

func pair(t testing.TB, serverCfg, clientCfg *core.Config, opts *mem.Options) (client *core.Session) {
	t.Helper()
	a, err := core.NewAcceptor(serverCfg)
	if err != nil {
		t.Fatal(err)
	}
	mux, err := core.NewMux(clientCfg.Services, clientCfg.Interceptors)
	if err != nil {
		t.Fatal(err)
	}
	cc, sc := mem.Pipe(opts)
	done := make(chan struct{})
	go func() { defer close(done); a.Serve(sc) }()
	o, err := core.Greet(t.Context(), cc, clientCfg, mux, core.ID{1})
	if err != nil {
		t.Fatal(err)
	}
	s := o.Accept()
	t.Cleanup(func() { s.Close(); <-done })
	return s
}

func TestSmoke(t *testing.T) {
	s := pair(t, &core.Config{Services: []*core.Service{echoService()}}, &core.Config{}, nil)
	var out codec.Raw
	for range 3 {
		if err := s.Call(t.Context(), "test.Echo", codec.Raw{0x05}, &out); err != nil {
			t.Fatal(err)
		}
	}
	t.Log(out, s)
	err := s.Call(t.Context(), "test.None", codec.Raw{0x05}, &out)
	t.Log(err)
	big := codec.AppendBytes(nil, make([]byte, 3<<20))
	if err := s.Call(t.Context(), "test.Echo", codec.Raw(big), &out); err != nil {
		t.Fatal(err)
	}
	t.Log(len(out))
}

func BenchmarkCall(b *testing.B) {
	for _, pipe := range []string{"independent"} {
		b.Run(pipe, func(b *testing.B) {
			s := pair(b, &core.Config{Services: []*core.Service{echoService()}}, &core.Config{}, nil)
			var out codec.Raw
			in := codec.Raw(codec.AppendBytes(nil, make([]byte, 32)))
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Call(b.Context(), "test.Echo", in, &out); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(pipe+"-64", func(b *testing.B) {
			s := pair(b, &core.Config{Services: []*core.Service{echoService()}}, &core.Config{}, nil)
			in := codec.Raw(codec.AppendBytes(nil, make([]byte, 32)))
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				var out codec.Raw
				for pb.Next() {
					if err := s.Call(b.Context(), "test.Echo", in, &out); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
