package echo

import (
	"io"
	"sync"
)

// direct is a pipe that makes one write of each frame, as a program does that
// uses the bare library.
type direct struct {
	frameReader
	stream io.ReadWriteCloser

	mu  sync.Mutex // held while writing
	out []byte
}

func newDirect(s io.ReadWriteCloser) pipe {
	return &direct{frameReader: newFrameReader(s), stream: s}
}

func (d *direct) write(head [headSize]byte, payload []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.out = appendFrame(d.out[:0], head, payload)
	_, err := d.stream.Write(d.out)
	return err
}

// close reports nothing: the stream is of no use after it, whatever it says.
func (d *direct) close() { _ = d.stream.Close() }
