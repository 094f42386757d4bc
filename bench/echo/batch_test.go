package echo

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
)

// gate is a stream whose writes wait until they are let through.
type gate struct {
	io.Reader
	open   chan struct{}
	closed chan struct{}
	once   sync.Once

	mu     sync.Mutex
	writes [][]byte
}

func newGate() *gate {
	return &gate{open: make(chan struct{}), closed: make(chan struct{})}
}

func (g *gate) Write(b []byte) (int, error) {
	select {
	case <-g.open:
	case <-g.closed:
		return 0, net.ErrClosed
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.writes = append(g.writes, bytes.Clone(b))
	return len(b), nil
}

func (g *gate) Close() error {
	g.once.Do(func() { close(g.closed) })
	return nil
}

// What is written while a write is under way leaves in one write after it.
func TestBatchGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		b := newBatch(g)
		defer b.close()
		var want []byte
		for i := range 10 {
			head := [headSize]byte{byte(i)}
			if err := b.write(head, []byte("payload")); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				synctest.Wait() // the first one is in its write
				continue
			}
			want = appendFrame(want, head, []byte("payload"))
		}
		close(g.open)
		synctest.Wait()
		if len(g.writes) != 2 || !bytes.Equal(g.writes[1], want) {
			t.Errorf("%d writes, want 2, the second with 9 frames: %x", len(g.writes), g.writes)
		}
	})
}

func TestBatchBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		b := newBatch(g)
		payload := make([]byte, 1<<10)
		var err error
		var wg sync.WaitGroup
		wg.Go(func() {
			for err == nil {
				err = b.write([headSize]byte{}, payload)
			}
		})
		synctest.Wait() // the bound is reached
		b.close()
		wg.Wait()
		if !errors.Is(err, errClosed) {
			t.Errorf("a write that waits ended with %v, want %v", err, errClosed)
		}
	})
}

func TestFrames(t *testing.T) {
	ok := appendFrame(nil, [headSize]byte{1, 2, 3, 4}, []byte("abc"))
	large := bytes.Repeat([]byte("large"), 1<<18)
	tests := []struct {
		name  string
		bytes []byte
		want  []string
		err   error
	}{
		{"none", nil, nil, io.EOF},
		{"two", append(bytes.Clone(ok), ok...), []string{"\x01\x02\x03\x04abc", "\x01\x02\x03\x04abc"}, io.EOF},
		{"large", appendFrame(nil, [headSize]byte{1}, large), []string{"\x01\x00\x00\x00" + string(large)}, io.EOF},
		{"cut", ok[:len(ok)-1], nil, io.EOF},
		{"too long", []byte{0, 0x40, 0, 0}, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newFrameReader(bytes.NewReader(tt.bytes))
			for _, want := range tt.want {
				if got, err := r.read(); err != nil || string(got) != want {
					t.Fatalf("read: %q, %v, want %q", got, err, want)
				}
			}
			if _, err := r.read(); err == nil || tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("read at the end: %v, want %v", err, tt.err)
			}
		})
	}
}
