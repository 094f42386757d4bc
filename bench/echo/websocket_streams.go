package echo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/twinwire/twinwire/bench/peer"
)

const (
	// streamData is set in the number of a message of a stream, whose other
	// bits are the number of the stream. Without a payload it ends the stream.
	streamData = 1 << 30
	// streamWanted is set in addition where a client wants a stream, of as many
	// bytes as the payload says, and where the server says how many bytes of a
	// stream it has received.
	streamWanted = 1 << 29
	streamBits   = streamData | streamWanted

	// streamMessage is the payload of a message of a stream, and streamBuffer
	// what is written at once: all of it.
	streamMessage = 64 << 10
	streamBuffer  = streamMessage + 64
	// streamPath is dialed for connections that carry streams.
	streamPath = "/streams"
)

// streamSocket is a WebSocket that carries streams of bytes too: messages of
// streamMessage bytes, between which other messages find their place.
type streamSocket struct {
	socket
	tally *peer.Tally    // nil at a client
	done  sync.WaitGroup // what the server sends

	piece, frame []byte         // owned by read
	sizes        map[uint32]int // received of each stream; owned by read

	mu        sync.Mutex
	last      uint32
	transfers map[uint32]*transfer // a client's
	ended     bool
}

// transfer is a stream that a client waits for.
type transfer struct {
	received func(n int)
	size     chan int // what arrived of it, once; closed if the connection ends before
}

func newStreamSocket(c *websocket.Conn, tally *peer.Tally) *streamSocket {
	return &streamSocket{
		socket:    socket{conn: c},
		tally:     tally,
		piece:     make([]byte, streamMessage),
		sizes:     make(map[uint32]int),
		transfers: make(map[uint32]*transfer),
	}
}

func (s *streamSocket) close() {
	s.socket.close()
	s.done.Wait()
}

// read returns the next message that does not belong to a stream.
func (s *streamSocket) read() ([]byte, error) {
	for {
		kind, r, err := s.conn.NextReader()
		if err == nil && kind != websocket.BinaryMessage {
			err = errors.New("echo: not a binary message")
		}
		var head [headSize]byte
		if err == nil {
			_, err = io.ReadFull(r, head[:])
		}
		number := binary.BigEndian.Uint32(head[:])
		switch {
		case err != nil:
		case number&(oneWay|streamData) == streamData:
			err = s.readStream(r, number)
		default:
			if err = s.readFrame(head, r); err == nil {
				return s.frame, nil
			}
		}
		if err != nil {
			s.endTransfers()
			return nil, err
		}
	}
}

// readFrame reads the rest of a message into frame.
func (s *streamSocket) readFrame(head [headSize]byte, r io.Reader) error {
	s.frame = append(s.frame[:0], head[:]...)
	for len(s.frame) <= maxFrame {
		n, err := r.Read(s.piece)
		s.frame = append(s.frame, s.piece[:n]...)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("echo: message of more than %d bytes", maxFrame)
}

func (s *streamSocket) readStream(r io.Reader, number uint32) error {
	id := number &^ streamBits
	if number&streamWanted != 0 {
		size, err := readSize(r)
		switch {
		case err != nil:
			return err
		case s.tally == nil:
			return s.finish(id, size)
		}
		s.done.Go(func() { _ = s.sendStream(id, size) }) // ends with the connection at the latest
		return nil
	}
	t := s.transfer(id)
	got := 0
	for {
		n, err := r.Read(s.piece)
		got += n
		if s.tally != nil {
			s.tally.Bytes(n)
		} else if t != nil {
			t.received(n)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if got > 0 {
		s.sizes[id] += got
		return nil
	}
	size := s.sizes[id]
	delete(s.sizes, id)
	if s.tally == nil {
		return s.finish(id, size)
	}
	return s.write(streamHeadOf(id|streamWanted), binary.BigEndian.AppendUint64(nil, uint64(size)))
}

func streamHeadOf(number uint32) (head [headSize]byte) {
	binary.BigEndian.PutUint32(head[:], number|streamData)
	return head
}

// sendStream sends a stream of size bytes.
func (s *streamSocket) sendStream(id uint32, size int) error {
	head := streamHeadOf(id)
	message := append(head[:], make([]byte, streamMessage-headSize)...)
	for left := size; left > 0; {
		n := min(left, streamMessage-headSize)
		if err := s.writeMessage(message[:headSize+n]); err != nil {
			return err
		}
		left -= n
	}
	return s.writeMessage(head[:])
}

func (s *streamSocket) transfer(id uint32) *transfer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.transfers[id]
}

func (s *streamSocket) begin(received func(n int)) (uint32, *transfer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	t := &transfer{received: received, size: make(chan int, 1)}
	s.transfers[s.last] = t
	if s.ended {
		close(t.size)
	}
	return s.last, t
}

// finish is called by read.
func (s *streamSocket) finish(id uint32, size int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.transfers[id]
	if t == nil {
		return fmt.Errorf("echo: end of stream %d, which nobody waits for", id)
	}
	delete(s.transfers, id)
	t.size <- size
	return nil
}

func (s *streamSocket) endTransfers() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for id, t := range s.transfers {
		delete(s.transfers, id)
		close(t.size)
	}
}

func (t *transfer) wait(size int) error {
	got, ok := <-t.size
	if !ok {
		return errClosed
	}
	return confirmed(size, got, nil)
}

func (s *streamSocket) upload(size int) error {
	id, t := s.begin(nil)
	if err := s.sendStream(id, size); err != nil {
		return err
	}
	return t.wait(size)
}

func (s *streamSocket) download(size int, received func(n int)) error {
	id, t := s.begin(received)
	if err := s.write(streamHeadOf(id|streamWanted), binary.BigEndian.AppendUint64(nil, uint64(size))); err != nil {
		return err
	}
	return t.wait(size)
}
