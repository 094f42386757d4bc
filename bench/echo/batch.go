package echo

import (
	"io"
	"runtime"
	"sync"
)

// maxPending bounds what waits for the writer. It is more than the harness
// ever has under way on one connection, so a writer that waits here waits for
// a peer that does not read.
const maxPending = 1 << 20

// batch is a pipe whose frames gather while a write is under way, and leave
// together in the next one. Before the writer takes what is pending it yields
// once: goroutines that are about to write get to do so first, and a busy
// connection makes fewer and larger writes.
type batch struct {
	frameReader
	stream io.ReadWriteCloser
	wake   chan struct{} // one token: something is pending, or the end
	done   sync.WaitGroup

	mu      sync.Mutex
	room    sync.Cond // pending was taken, or the end
	pending []byte
	err     error // why nothing can be written any more
}

func newBatch(s io.ReadWriteCloser) pipe {
	b := &batch{frameReader: newFrameReader(s), stream: s, wake: make(chan struct{}, 1)}
	b.room.L = &b.mu
	b.done.Go(b.writeLoop)
	return b
}

func (b *batch) write(head [headSize]byte, payload []byte) error {
	b.mu.Lock()
	for len(b.pending) >= maxPending && b.err == nil {
		b.room.Wait()
	}
	if b.err != nil {
		b.mu.Unlock()
		return b.err
	}
	first := len(b.pending) == 0
	b.pending = appendFrame(b.pending, head, payload)
	b.mu.Unlock()
	if first {
		b.signal()
	}
	return nil
}

func (b *batch) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// writeLoop runs until a write fails or close is called.
func (b *batch) writeLoop() {
	var out []byte
	for range b.wake {
		runtime.Gosched()
		var err error
		if out, err = b.take(out); err != nil {
			return
		}
		if _, err := b.stream.Write(out); err != nil {
			b.end(err)
			return
		}
	}
}

// take exchanges what is pending for an empty buffer.
func (b *batch) take(empty []byte) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return nil, b.err
	}
	out := b.pending
	b.pending = empty[:0]
	b.room.Broadcast()
	return out, nil
}

// end makes every later write fail with err, or with the error before it.
func (b *batch) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
	b.room.Broadcast()
}

func (b *batch) close() {
	b.end(errClosed)
	b.signal()
	// The stream is of no use after this, whatever it says.
	_ = b.stream.Close()
	b.done.Wait()
}
