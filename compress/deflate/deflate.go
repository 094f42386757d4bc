// Package deflate compresses payloads with DEFLATE (RFC 1951; docs/protocol.md,
// clause 16), which browsers have built in and the standard library has too.
//
//	srv := &server.Server{Compression: []core.Compression{zstd.New(), deflate.New()}}
package deflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"sync"

	"github.com/twinwire/twinwire/core"
)

// Name is the feature of clause 16.1.
const Name = "deflate"

// mostRatio is that of clause 16.3.
const mostRatio = 100

type compression struct{ writers, readers sync.Pool }

// New returns the compression. It is for any number of servers and clients at
// once.
func New() core.Compression {
	return &compression{
		writers: sync.Pool{New: func() any {
			w, err := flate.NewWriter(nil, flate.BestSpeed)
			if err != nil {
				panic(fmt.Sprintf("deflate: level of the writer: %v", err)) // it is a constant
			}
			return w
		}},
		readers: sync.Pool{New: func() any { return &reader{flate: flate.NewReader(nil)} }},
	}
}

type reader struct {
	src   bytes.Reader
	flate io.ReadCloser
}

func (c *compression) Name() string { return Name }

// sink appends what is written to it.
type sink struct{ b []byte }

func (s *sink) Write(b []byte) (int, error) {
	s.b = append(s.b, b...)
	return len(b), nil
}

func (c *compression) Compress(dst, src []byte) []byte {
	w := c.writers.Get().(*flate.Writer)
	defer c.writers.Put(w)
	out := sink{dst}
	w.Reset(&out)
	_, _ = w.Write(src) // a sink takes everything
	_ = w.Close()
	least := len(dst) + (len(src)+mostRatio-1)/mostRatio
	if len(out.b) >= least {
		return out.b
	}
	// Empty blocks make it longer.
	out.b = out.b[:len(dst)]
	w.Reset(&out)
	_, _ = w.Write(src)
	for len(out.b) < least {
		_ = w.Flush()
	}
	_ = w.Close()
	return out.b
}

// Inflate reads at most one byte more than it may return.
func (c *compression) Inflate(dst, src []byte, most int) ([]byte, error) {
	r := c.readers.Get().(*reader)
	defer c.readers.Put(r)
	r.src.Reset(src)
	if err := r.flate.(flate.Resetter).Reset(&r.src, nil); err != nil {
		return dst, fmt.Errorf("deflate: %w", err)
	}
	b := dst
	for {
		room := min(cap(b)-len(b), most+1-(len(b)-len(dst)))
		if room == 0 {
			b = append(b, 0)[:len(b)]
			continue
		}
		n, err := r.flate.Read(b[len(b) : len(b)+room])
		b = b[:len(b)+n]
		switch {
		case len(b)-len(dst) > most:
			return dst, fmt.Errorf("deflate: more than %d bytes", most)
		case err == io.EOF && r.src.Len() > 0:
			return dst, fmt.Errorf("deflate: %d bytes behind the end", r.src.Len())
		case err == io.EOF:
			return b, nil
		case err != nil:
			return dst, fmt.Errorf("deflate: %w", err)
		}
	}
}
