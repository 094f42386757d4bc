package streams

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/other"
)

var errSoldOut = fmt.Errorf("sold out: %w", twinwire.NotFound)

// flow is a handler that does what the methods say.
type flow struct {
	over chan error // why Watch ended
}

var _ Flow = (*flow)(nil)

func (h *flow) Watch(ctx context.Context, from int32, every time.Duration) iter.Seq2[Reading, error] {
	return func(yield func(Reading, error) bool) {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for n := from; ; n++ {
			select {
			case at := <-tick.C:
				reading := Reading{At: at, Value: n, Tags: []string{fmt.Sprint(n)}}
				if !yield(reading, nil) {
					h.over <- ctx.Err()
					return
				}
			case <-ctx.Done():
				h.over <- ctx.Err()
				return
			}
		}
	}
}

func (h *flow) Fail(_ context.Context, n uint32) iter.Seq2[uint32, error] {
	return numbers(n, errSoldOut)
}

// numbers yields the numbers from 1 to n, and err if it is not nil.
func numbers(n uint32, err error) iter.Seq2[uint32, error] {
	return func(yield func(uint32, error) bool) {
		for i := uint32(1); i <= n; i++ {
			if !yield(i, nil) {
				return
			}
		}
		if err != nil {
			yield(0, err)
		}
	}
}

func (h *flow) Sum(_ context.Context, limit int, in iter.Seq2[uint32, error]) (sum uint64, err error) {
	for n, err := range in {
		if err != nil {
			return sum, err
		}
		sum += uint64(n)
		if limit--; limit == 0 {
			break
		}
	}
	return sum, nil
}

func (h *flow) Drop(_ context.Context, in iter.Seq2[*other.Point, error]) (n int, why string, err error) {
	for p, err := range in {
		if err != nil {
			return n, err.Error(), nil
		}
		if p == nil {
			return n, "nil", nil
		}
		n += int(p.X)
	}
	return n, "end", nil
}

func (h *flow) Ignore(context.Context, iter.Seq2[string, error]) error { return nil }

func (h *flow) Sums(_ context.Context, in iter.Seq2[uint32, error]) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		var sum uint64
		for n, err := range in {
			if sum += uint64(n); !yield(sum, err) {
				return
			}
		}
	}
}

func (h *flow) Put(_ context.Context, name string, body io.Reader) (Receipt, error) {
	if name == "" {
		return Receipt{}, errSoldOut
	}
	n, err := io.Copy(io.Discard, body)
	return Receipt{name, n}, err
}

func (h *flow) Get(_ context.Context, name string) (io.ReadCloser, error) {
	if name == "" {
		return nil, errSoldOut
	}
	if name == "broken" {
		in, out := io.Pipe()
		go func() { _ = out.CloseWithError(errSoldOut) }()
		return in, nil
	}
	return io.NopCloser(strings.NewReader(strings.Repeat(name, 100_000))), nil
}

func (h *flow) Upper(_ context.Context, text io.Reader) (io.ReadCloser, error) {
	return io.NopCloser(upper{text}), nil
}

type upper struct{ r io.Reader }

func (u upper) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	copy(p, bytes.ToUpper(p[:n]))
	return n, err
}

func (h *flow) Words(_ context.Context, text io.Reader) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		words := bufio.NewScanner(text)
		words.Split(bufio.ScanWords)
		for words.Scan() {
			if !yield(words.Text(), nil) {
				return
			}
		}
		if err := words.Err(); err != nil {
			yield("", err)
		}
	}
}

func (h *flow) Join(_ context.Context, words iter.Seq2[string, error]) (io.ReadCloser, error) {
	next, stop := iter.Pull2(words)
	return &joined{next: next, stop: stop}, nil
}

// joined reads words as they come.
type joined struct {
	next func() (string, error, bool)
	stop func()
	rest string
}

func (j *joined) Read(p []byte) (int, error) {
	if j.rest == "" {
		word, err, ok := j.next()
		switch {
		case !ok:
			return 0, io.EOF
		case err != nil:
			return 0, err
		}
		j.rest = word + " "
	}
	n := copy(p, j.rest)
	j.rest = j.rest[n:]
	return n, nil
}

func (j *joined) Close() error { j.stop(); return nil }

func (h *flow) Anything(_ context.Context, in Values) Values { return in }
