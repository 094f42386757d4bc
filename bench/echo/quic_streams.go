package echo

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/quic-go/quic-go"

	"github.com/twinwire/twinwire/bench/peer"
)

// streamPiece is how much of a stream is written at once.
const streamPiece = 64 << 10

// streamHead is the size of what a stream begins with: the bytes that the
// client wants, or 0 if it sends some itself.
const streamHead = 8

// quicPipe is a pipe whose connection carries streams of bytes too, each one a
// stream of its own.
type quicPipe struct {
	pipe
	conn *quic.Conn
	done sync.WaitGroup // serveStreams, and its streams
}

func (p *quicPipe) close() {
	p.pipe.close()
	p.done.Wait()
}

func (p *quicPipe) open(download int) (*quic.Stream, error) {
	s, err := p.conn.OpenStreamSync(context.Background())
	if err != nil {
		return nil, err
	}
	_, err = s.Write(binary.BigEndian.AppendUint64(nil, uint64(download)))
	return s, err
}

func (p *quicPipe) upload(size int) error {
	s, err := p.open(0)
	if err != nil {
		return err
	}
	if err := writePieces(s, size); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	got, err := readSize(s)
	return confirmed(size, got, err)
}

func (p *quicPipe) download(size int, received func(n int)) error {
	s, err := p.open(size)
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	n, err := readPieces(s, received)
	return confirmed(size, n, err)
}

// serveStreams runs until the connection ends.
func (p *quicPipe) serveStreams(tally *peer.Tally) {
	for {
		s, err := p.conn.AcceptStream(context.Background())
		if err != nil {
			return
		}
		p.done.Go(func() { serveStream(s, tally) })
	}
}

// serveStream leaves it to the client to notice what fails.
func serveStream(s *quic.Stream, tally *peer.Tally) {
	defer s.Close()
	download, err := readSize(s)
	if err != nil {
		return
	}
	if download > 0 {
		_ = writePieces(s, download)
		return
	}
	n, err := readPieces(s, tally.Bytes)
	if err == nil {
		_, _ = s.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	}
}

func readSize(r io.Reader) (int, error) {
	var b [streamHead]byte
	_, err := io.ReadFull(r, b[:])
	return int(binary.BigEndian.Uint64(b[:])), err
}

func writePieces(w io.Writer, size int) error {
	piece := make([]byte, min(size, streamPiece))
	for left := size; left > 0; {
		n, err := w.Write(piece[:min(left, len(piece))])
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// readPieces reads until the end and returns how much there was.
func readPieces(r io.Reader, received func(n int)) (int, error) {
	piece := make([]byte, streamPiece)
	size := 0
	for {
		n, err := r.Read(piece)
		size += n
		received(n)
		switch err {
		case nil:
		case io.EOF:
			return size, nil
		default:
			return size, err
		}
	}
}

// confirmed compares what was sent with what arrived.
func confirmed(size, got int, err error) error {
	if err == nil && got != size {
		err = fmt.Errorf("echo: %d bytes of a stream of %d arrived", got, size)
	}
	return err
}
