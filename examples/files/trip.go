package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/files"
)

// A trip is that of a folder to the server and back.
type trip struct {
	*folders
	*bar
	addr string
	pins []certs.Pin
}

// run makes the trip and returns what did not happen as it should.
func (t *trip) run(ctx context.Context) error {
	s, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer s.Close()

	t.printf("sending %d files, and losing the connection on the way", len(contents))
	sources, err := files.FS(t.here.FS(), ".")
	if err != nil {
		return err
	}
	for i := range sources {
		if sources[i].Name == largest {
			sources[i] = breaking(sources[i], func() { s.Close() })
		}
	}
	if err := t.put(ctx, s, sources); err == nil {
		return errors.New("the connection was not lost")
	} else {
		t.printf("it broke: %v", err)
	}

	s, err = t.dial(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	t.printf("sending them again")
	if sources, err = files.FS(t.here.FS(), "."); err != nil {
		return err
	}
	if err := t.put(ctx, s, sources); err != nil {
		return err
	}
	from := t.from[largest]
	if size := contents[largest]; from < size/4 || from > size {
		return fmt.Errorf("%s went on at %d of %d bytes", largest, from, size)
	}
	t.printf("%s went on at %.1f MB; what was there already was not sent again", largest, float64(from)/1e6)

	t.printf("fetching them")
	saved, err := files.Fetch(ctx, s, "folder.Get", nil, nil, t.back, &files.Options{Progress: t.show})
	if err != nil {
		return err
	}
	if err := t.compare(); err != nil {
		return err
	}
	t.printf("%d files came back with the same hashes", len(saved))
	return nil
}

// put sends files to the server.
func (t *trip) put(ctx context.Context, s *core.Session, sources []files.Source) error {
	var n codec.Value[int]
	begin := time.Now()
	err := files.Call(ctx, s, "folder.Put", nil, &n, sources, &files.Options{Progress: t.show})
	if err == nil {
		t.printf("the server has %d files, after %v", n.V, time.Since(begin).Round(time.Millisecond))
	}
	return err
}

func (t *trip) dial(ctx context.Context) (*core.Session, error) {
	s, err := client.Dial(ctx, t.addr, &client.Options{Pins: t.pins})
	if err == nil {
		t.printf("connected over %s", s.Transport().Wire)
	}
	return s, err
}

// breaking returns a source in whose middle something happens.
func breaking(src files.Source, happens func()) files.Source {
	open := src.Open
	src.Open = func() (io.ReadCloser, error) {
		f, err := open()
		if err != nil {
			return nil, err
		}
		first := io.LimitReader(f, src.Size/2)
		return &broken{Reader: io.MultiReader(first, &trap{f, happens}), Closer: f}, nil
	}
	return src
}

type broken struct {
	io.Reader
	io.Closer
}

// A trap makes something happen before it is read for the first time.
type trap struct {
	io.Reader
	happens func()
}

func (t *trap) Read(b []byte) (int, error) {
	if t.happens != nil {
		t.happens()
		t.happens = nil
	}
	return t.Reader.Read(b)
}
