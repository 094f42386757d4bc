package echo

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

const (
	// lengthSize is the size of the length in front of a frame on a stream.
	lengthSize = 4
	// maxFrame is the longest frame on a stream.
	maxFrame = 4096
	// readBuffer is one TLS record.
	readBuffer = 16 << 10
)

// frameReader reads the frames of a stream.
type frameReader struct {
	buf  *bufio.Reader
	last int // size on the stream of the frame returned last
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
	frame, err := r.buf.Peek(lengthSize + int(n))
	if err != nil {
		return nil, err
	}
	r.last = len(frame)
	return frame[lengthSize:], nil
}

// appendFrame appends a frame with its length.
func appendFrame(b []byte, head [headSize]byte, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(headSize+len(payload)))
	b = append(b, head[:]...)
	return append(b, payload...)
}
