package files_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/files"
	"github.com/twinwire/twinwire/transport/mem"
)

// dial begins a session with a server in the same process that serves methods.
func dial(methods map[string]core.Method) *core.Session {
	acceptor, err := core.NewAcceptor(&core.Config{Services: []*core.Service{{Methods: methods}}})
	if err != nil {
		log.Fatal(err)
	}
	clientEnd, serverEnd := mem.Pipe(nil)
	go func() { _ = acceptor.Serve(serverEnd) }()
	offer, err := core.Greet(context.Background(), clientEnd, &core.Config{}, nil, core.ID{1})
	if err != nil {
		log.Fatal(err)
	}
	return offer.Accept()
}

// tempRoot opens a new directory, and returns what removes it again.
func tempRoot() (*os.Root, func()) {
	dir, err := os.MkdirTemp("", "files")
	if err != nil {
		log.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		log.Fatal(err)
	}
	return root, func() { root.Close(); os.RemoveAll(dir) }
}

// A handler saves all files that come with a call.
func ExampleCall() {
	album, remove := tempRoot()
	defer remove()
	s := dial(map[string]core.Method{
		"album.Add": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			saved, err := files.Save(ctx, r, album, nil)
			return codec.Value[int]{V: len(saved)}, err
		},
	})
	defer s.Close()

	sources := []files.Source{
		files.Bytes("2026/cat.jpg", []byte("meow")),
		files.Reader("2026/dog.jpg", files.Unknown, strings.NewReader("woof")),
	}
	var n codec.Value[int]
	if err := files.Call(context.Background(), s, "album.Add", nil, &n, sources, nil); err != nil {
		log.Fatal(err)
	}
	cat, err := album.ReadFile("2026/cat.jpg")
	fmt.Printf("%d saved, the cat says %s, %v\n", n.V, cat, err)
	// Output: 2 saved, the cat says meow, <nil>
}

// A handler looks at each file, and reads those that it wants.
func ExampleIncoming() {
	s := dial(map[string]core.Method{
		"text.Count": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var total int64
			for f, err := range files.Incoming(ctx, r, nil) {
				if err != nil {
					return nil, err
				}
				if !strings.HasSuffix(f.Info().Name, ".txt") {
					if err := f.Refuse(twinwire.Errorf(twinwire.Rejected, "only texts are counted")); err != nil {
						return nil, err
					}
					continue
				}
				n, err := io.Copy(io.Discard, f) // nil only if it was whole
				if err != nil {
					return nil, err
				}
				total += n
			}
			return codec.Value[int64]{V: total}, nil
		},
	})
	defer s.Close()

	sources := []files.Source{files.Bytes("a.txt", []byte("hello")), files.Bytes("b.exe", []byte("MZ"))}
	var n codec.Value[int64]
	err := files.Call(context.Background(), s, "text.Count", nil, &n, sources, nil)
	fmt.Println(n.V, err)
	// Output: 5 file "b.exe": only texts are counted: rejected
}

// The other way round the handler sends and the caller saves.
func ExampleFetch() {
	s := dial(map[string]core.Method{
		"news.Today": func(ctx context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			return nil, files.Send(ctx, r, []files.Source{files.Bytes("news.txt", []byte("all is well"))}, nil)
		},
	})
	defer s.Close()
	root, remove := tempRoot()
	defer remove()

	saved, err := files.Fetch(context.Background(), s, "news.Today", nil, nil, root, nil)
	if err != nil {
		log.Fatal(err)
	}
	text, err := root.ReadFile(saved[0].Name)
	fmt.Printf("%s: %s, %v\n", saved[0].Name, text, err)
	// Output: news.txt: all is well, <nil>
}
