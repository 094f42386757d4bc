package echo

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

const (
	// lengthSize is the size of the length in front of a frame on a stream.
	lengthSize = 4
	// maxFrame is the longest frame on a stream: that of a call of 1 MiB, with
	// room to spare.
	maxFrame = 2 << 20
	// readBuffer is one TLS record.
	readBuffer = 16 << 10
)

// frameReader reads the frames of a stream.
type frameReader struct {
	buf  *bufio.Reader
	last int // size on the stream of the frame returned last, if it is in buf

	large []byte // a frame that does not fit into buf
}

func newFrameReader(r io.Reader) frameReader {
	return frameReader{buf: bufio.NewReaderSize(r, readBuffer)}
}

func (r *frameReader) read() ([]byte, error) {
	// Discarding what Peek returned cannot fail.
	_, _ = r.buf.Discard(r.last)
	r.last = 0
	length, err := r.buf.Peek(lengthSize)
	if err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length)
	if n > maxFrame {
		return nil, fmt.Errorf("echo: frame of %d bytes", n)
	}
	if lengthSize+n > readBuffer {
		return r.readLarge(int(n))
	}
	frame, err := r.buf.Peek(lengthSize + int(n))
	if err != nil {
		return nil, err
	}
	r.last = len(frame)
	return frame[lengthSize:], nil
}

// readLarge reads a frame of n bytes, whose length comes next.
func (r *frameReader) readLarge(n int) ([]byte, error) {
	_, _ = r.buf.Discard(lengthSize)
	r.large = slices.Grow(r.large[:0], n)[:n]
	_, err := io.ReadFull(r.buf, r.large)
	return r.large, err
}

// appendFrame appends a frame with its length.
func appendFrame(b []byte, head [headSize]byte, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(headSize+len(payload)))
	b = append(b, head[:]...)
	return append(b, payload...)
}
