package files

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"

	"github.com/twinwire/twinwire/core"
)

const hashSize = sha256.Size

// Pieces are what a content travels in (clause 13.6): two bytes with the
// length, and as many bytes of the content. A piece of length 0 ends it. So a
// sender can end a content at any time, whatever size it has announced, and
// what follows is found.
const (
	pieceHead = 2
	maxPiece  = 1<<16 - 1
)

// errEnough ends a content that the receiver wants no more of.
var errEnough = errors.New("receiver wants no more")

// A pieceReader reads a source as pieces, for StreamWriter.ReadFrom: it fills
// the buffers that are sent. It ends with io.EOF whatever happens; err says why.
type pieceReader struct {
	src    io.Reader
	hash   hash.Hash
	size   int64 // of the content so far
	most   int64 // what was announced, or Unknown
	enough func() bool
	meter  *meter
	err    error
}

func (p *pieceReader) Read(b []byte) (int, error) {
	if p.err != nil {
		return 0, io.EOF
	}
	if p.enough() {
		p.err = errEnough
		return 0, io.EOF
	}
	if len(b) <= pieceHead {
		return 0, io.ErrShortBuffer
	}
	b = b[:min(len(b), pieceHead+maxPiece)]
	n := p.fill(b[pieceHead:])
	if n == 0 {
		return 0, io.EOF
	}
	if p.most >= 0 && int64(n) > p.most-p.size {
		p.err = mismatch("it is longer than the %d bytes that were announced", p.most)
		return 0, io.EOF
	}
	p.hash.Write(b[pieceHead : pieceHead+n])
	p.size += int64(n)
	binary.BigEndian.PutUint16(b, uint16(n))
	p.meter.add(n)
	return pieceHead + n, nil
}

// fill reads until b is full, or the source has ended. It is not io.ReadFull,
// whose error for that is also what a source says that was cut short.
func (p *pieceReader) fill(b []byte) (n int) {
	for idle := 0; n < len(b) && p.err == nil; idle++ {
		var more int
		if more, p.err = p.src.Read(b[n:]); more > 0 {
			idle = 0
		} else if idle == maxIdle && p.err == nil {
			p.err = io.ErrNoProgress
		}
		n += more
	}
	return n
}

// maxIdle is how often a source may return nothing at all.
const maxIdle = 100

// A content reads pieces: a content until its end, which is io.EOF.
type content struct {
	r    *core.StreamReader
	left int // of the piece
}

func (c *content) Read(p []byte) (int, error) {
	if c.left == 0 {
		var head [pieceHead]byte
		if _, err := io.ReadFull(c.r, head[:]); err != nil {
			return 0, unexpected(err)
		}
		c.left = int(binary.BigEndian.Uint16(head[:]))
		if c.left == 0 {
			return 0, io.EOF
		}
	}
	n, err := c.r.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, unexpected(err)
}

// unexpected returns the error of a stream that must not end here.
func unexpected(err error) error {
	if err == io.EOF {
		return violation("stream ends too early")
	}
	return err
}
