package files_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/files"
	"github.com/twinwire/twinwire/internal/leak"
	"github.com/twinwire/twinwire/transport/mem"
)

func TestMain(m *testing.M) { leak.Main(m) }

// run runs a test in a bubble of fake time, on a carrier that is one pipe and
// on one whose lanes are independent.
func run(t *testing.T, test func(t *testing.T, o *mem.Options)) {
	t.Helper()
	for name, onePipe := range map[string]bool{"OnePipe": true, "Lanes": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, &mem.Options{OnePipe: onePipe}) })
		})
	}
}

type handlers map[string]core.Handler

// pair is a session with both ends in this process.
type pair struct {
	client  *core.Session
	carrier *mem.Carrier // of the client
	server  *mem.Carrier
}

// connect begins a session with a server of some methods, which ends with the
// test.
func connect(t testing.TB, o *mem.Options, methods handlers) *pair {
	t.Helper()
	svc := &core.Service{Methods: map[string]core.Method{}}
	for name, h := range methods {
		svc.Methods[name] = func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) { return h(ctx, r) }
	}
	logger := slog.New(slog.DiscardHandler)
	a, err := core.NewAcceptor(&core.Config{Services: []*core.Service{svc}, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	client, server := mem.Pipe(o)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = a.Serve(server)
	}()
	offer, err := core.Greet(context.Background(), client, &core.Config{Logger: logger}, nil, core.ID{1})
	if err != nil {
		t.Fatal(err)
	}
	s := offer.Accept()
	t.Cleanup(func() {
		_ = s.Close()
		<-served
	})
	return &pair{s, client, server}
}

// root returns an empty directory.
func root(t testing.TB) *os.Root {
	t.Helper()
	r, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// saver is a handler that saves what comes, and answers how many files.
func saver(root *os.Root, opts *files.Options) core.Handler {
	return func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
		saved, err := files.Save(ctx, r, root, opts)
		return codec.Value[int]{V: len(saved)}, err
	}
}

// giver is a handler that sends files.
func giver(sources []files.Source) core.Handler {
	return func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
		return nil, files.Send(ctx, r, sources, nil)
	}
}

// pattern returns n bytes that tell where they belong.
func pattern(n int) []byte {
	b := patterns()
	for len(b) < n {
		b = append(b, b...)
	}
	return bytes.Clone(b[:n])
}

var patterns = sync.OnceValue(func() []byte {
	b := make([]byte, 16<<20)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
})

// tree returns the files below a directory, those that are not whole too.
func tree(t testing.TB, r *os.Root) map[string][]byte {
	t.Helper()
	found := make(map[string][]byte)
	err := fs.WalkDir(r.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			found[name], err = fs.ReadFile(r.FS(), name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// wantTree fails unless a directory has these files and no other.
func wantTree(t testing.TB, r *os.Root, want map[string][]byte) {
	t.Helper()
	got := tree(t, r)
	for name, data := range want {
		if b, ok := got[name]; !ok || !bytes.Equal(b, data) {
			t.Errorf("%s: there are %d bytes (%v), want %d", name, len(b), ok, len(data))
		}
		delete(got, name)
	}
	for name, data := range got {
		t.Errorf("%s: there are %d bytes that do not belong there", name, len(data))
	}
}

// wantCode fails unless err has the code.
func wantCode(t testing.TB, err error, code twinwire.Code) {
	t.Helper()
	if twinwire.CodeOf(err) != code || err != nil && code != twinwire.Internal && !errors.Is(err, code) {
		t.Errorf("error is %v (%v), want %v", err, twinwire.CodeOf(err), code)
	}
}

// hash returns the hash of data.
func hash(data []byte) []byte {
	sum := sha256.Sum256(data)
	return sum[:]
}
