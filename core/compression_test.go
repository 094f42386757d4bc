package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/compress/deflate"
	"github.com/twinwire/twinwire/compress/zstd"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// counting counts what is compressed.
type counting struct {
	core.Compression
	n atomic.Int64
}

func (c *counting) Compress(dst, src []byte) []byte {
	c.n.Add(1)
	return c.Compression.Compress(dst, src)
}

// Payloads of more than 512 bytes are compressed in both directions, unless
// that is not wanted, and arrive as they were.
func TestCompression(t *testing.T) {
	both := []core.Compression{zstd.New(), deflate.New()}
	for _, c := range both {
		t.Run(c.Name(), func(t *testing.T) {
			run(t, func(t *testing.T, o *mem.Options) {
				server, _ := serving(map[string]core.Handler{
					"test.Echo": echo,
					"test.Plain": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
						r.Uncompressed()
						return echo(ctx, r)
					},
				})
				server.Compression = []core.Compression{c}
				p := connect(t, o, server, &core.Config{Compression: both})
				if p.client.Compression() != c.Name() || p.server.Compression() != c.Name() {
					t.Fatalf("compression is %q and %q", p.client.Compression(), p.server.Compression())
				}
				// try returns what a call with a text took on the wire, each way.
				try := func(ctx context.Context, method, text string) (up, down int) {
					t.Helper()
					before := p.client.Stats()
					got, err := call(ctx, p.client, method, text)
					if err != nil || got != text {
						t.Fatalf("%d bytes come back as %d, %v", len(text), len(got), err)
					}
					after := p.client.Stats()
					return int(after.BytesSent - before.BytesSent), int(after.BytesReceived - before.BytesReceived)
				}
				for _, n := range []int{400, 600, 16<<10 - 10, 16 << 10, 40_000, 1 << 20} {
					text := strings.Repeat("the quick brown fox ", n/20)
					up, down := try(t.Context(), "test.Echo", text)
					if packed := n > 512; (up < n/2) != packed || (down < n/2) != packed {
						t.Errorf("%d bytes took %d and %d", n, up, down)
					}
					if up, down = try(core.Uncompressed(t.Context()), "test.Plain", text); up < n-20 || down < n-20 {
						t.Errorf("%d bytes that are not to be compressed took %d and %d", n, up, down)
					}
				}
				// What does not compress is not, and what does too well neither.
				random := make([]byte, 30_000)
				rand.NewChaCha8([32]byte{1}).Read(random)
				for _, text := range []string{strings.ToValidUTF8(string(random), "-"), strings.Repeat("\x00", 40_000)} {
					try(t.Context(), "test.Echo", text)
				}
			})
		})
	}
}

// Nothing is compressed unless both sides have something in common; the
// server's order counts.
func TestCompressionAgreed(t *testing.T) {
	z, d := zstd.New(), deflate.New()
	for _, test := range []struct {
		server, client []core.Compression
		want           string
	}{
		{nil, nil, ""},
		{[]core.Compression{z, d}, nil, ""},
		{nil, []core.Compression{z, d}, ""},
		{[]core.Compression{z}, []core.Compression{d}, ""},
		{[]core.Compression{z, d}, []core.Compression{d, z}, "zstd"},
		{[]core.Compression{d, z}, []core.Compression{z, d}, "deflate"},
		{[]core.Compression{z, d}, []core.Compression{d}, "deflate"},
	} {
		synctest.Test(t, func(t *testing.T) {
			server, _ := serving(map[string]core.Handler{"test.Echo": echo})
			server.Compression = test.server
			p := connect(t, nil, server, &core.Config{Compression: test.client})
			if got := p.client.Compression(); got != test.want || p.server.Compression() != test.want {
				t.Errorf("compression is %q and %q, want %q", got, p.server.Compression(), test.want)
			}
			if _, err := call(t.Context(), p.client, "test.Echo", strings.Repeat("x", 5000)); err != nil {
				t.Error(err)
			}
		})
	}
}

// What is sent to many is compressed once.
func TestCompressedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counting{Compression: zstd.New()}
		server, _ := serving(nil)
		server.Compression = []core.Compression{c}
		a := acceptor(t, server)
		began := make(chan *core.Session, 1)
		a.Began = func(s *core.Session) { began <- s }
		text := strings.Repeat("some event ", 100)
		var got atomic.Int64
		client, _ := serving(map[string]core.Handler{"test.Note": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			var v codec.Value[string]
			if err := r.Decode(&v); err == nil && v.V == text {
				got.Add(1)
			}
			return nil, nil
		}})
		client.Compression = []core.Compression{zstd.New()}
		message, err := core.Prepare("test.Note", str(text))
		if err != nil {
			t.Fatal(err)
		}
		payload, _ := str(text).AppendMsgpack(nil)
		snapshot := bytes.Repeat([]byte("state "), 200)
		const sessions = 20
		for i := range sessions {
			near, far := mem.Pipe(nil)
			serve(t, a, far)
			o, err := greet(t, near, client, core.ID{2, byte(i)})
			if err != nil {
				t.Fatal(err)
			}
			s := o.Accept()
			t.Cleanup(func() { _ = s.Close() })
			events := &collector{got: &got, want: string(payload)}
			if err := errors.Join(s.ReceiveEvents("test", events), s.ReceiveState("s", &stateCollector{got: &got, want: string(snapshot)})); err != nil {
				t.Fatal(err)
			}
			far2 := <-began
			if err := message.Send(t.Context(), far2); err != nil {
				t.Fatal(err)
			}
			if _, err := far2.Emit("test.Happened", payload, core.DropOldest, nil); err != nil {
				t.Fatal(err)
			}
			far2.Flush()
			if err := far2.OpenState("s").Snapshot(1, snapshot); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := got.Load(); n != 3*sessions {
			t.Errorf("%d of %d arrived", n, 3*sessions)
		}
		if n := c.n.Load(); n != 3 {
			t.Errorf("3 payloads were compressed %d times for %d sessions", n, sessions)
		}
	})
}

type collector struct {
	got  *atomic.Int64
	want string
}

func (c *collector) ReceiveEvent(ev core.Event) {
	if string(ev.Payload) == c.want {
		c.got.Add(1)
	}
}
func (c *collector) EventsEnded(error) {}

type stateCollector collector

func (c *stateCollector) ReceiveState(u core.StateUpdate) error {
	if u.Snapshot && string(u.Payload) == c.want {
		c.got.Add(1)
	}
	return nil
}

// A session that goes on with another carrier goes on compressing.
func TestCompressionResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := serving(map[string]core.Handler{"test.Echo": echo})
		server.Compression = []core.Compression{zstd.New()}
		w := roam(t, server, &core.Config{Compression: []core.Compression{zstd.New()}})
		for i := range 3 {
			text := strings.Repeat(fmt.Sprint("carrier ", i, " "), 1000)
			if got, err := call(t.Context(), w.client, "test.Echo", text); err != nil || got != text {
				t.Fatalf("carrier %d: %v", i, err)
			}
			if st := w.client.Stats(); st.BytesSent > uint64(i+1)*3000 {
				t.Errorf("carrier %d: %d bytes were sent", i, st.BytesSent)
			}
			w.cut()
			synctest.Wait()
		}
	})
}
