package ws

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
)

// Send writes the batch as one binary message. A carrier is one pipe: lane is
// 0.
func (c *Carrier) Send(lane int, batch []byte) error {
	if len(batch) == 0 || len(batch) > frame.MaxBatch {
		return transport.ErrBatch
	}
	if lane != 0 {
		return transport.ErrLane
	}
	c.wmu.Lock()
	// The order matters: a Close that does not see this deadline is seen here.
	c.extendLocked()
	err := c.ended()
	if err == nil {
		err = c.spool.begin()
	}
	if err == nil {
		err = c.writeLocked(websocket.BinaryMessage, batch)
		if ended := c.spool.end(); err == nil && ended != nil {
			c.goodbye = true // a part of the frame may be out
			err = ended
		}
	}
	c.wmu.Unlock()
	c.afterWrite()
	if err == nil {
		return nil
	}
	return c.writeFailed(err)
}

// Prompt reports whether a Send would not wait for the network; see
// transport.Prompt.
func (c *Carrier) Prompt(int) bool { return c.spool.prompt() }

// Await returns when a Send would not wait; see transport.Prompt.
func (c *Carrier) Await(int) { c.spool.await() }

// AwaitSent returns when the kernel has sent most of what it took; see
// transport.Sent.
func (c *Carrier) AwaitSent(int) {
	c.wmu.Lock()
	c.extendLocked()
	c.wmu.Unlock()
	c.afterWrite()
	if c.ended() != nil { // a Close that does not see this deadline is seen here
		return
	}
	if err := c.spool.awaitSent(); errors.Is(err, os.ErrDeadlineExceeded) {
		_ = c.writeFailed(err) // it ends the carrier
	}
}

// writeFailed says what a failed write means for the carrier.
func (c *Carrier) writeFailed(err error) error {
	if ended := c.ended(); ended != nil {
		return ended
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.close(errTimeout, nil)
		return c.ended()
	}
	// The peer may have said why it is gone before it went. If so, that has
	// arrived and Receive will find it; if not, Receive finds an error too.
	err = fmt.Errorf("ws: connection lost: %w", err)
	c.mu.Lock()
	received := c.received
	c.mu.Unlock()
	if !received {
		c.close(err, nil)
		return c.ended()
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(linger)) // in any case soon
	return err
}

// extendLocked sets the write deadline. That costs about as much as a small
// write through TLS, so one serves for an eighth of the timeout.
func (c *Carrier) extendLocked() {
	if c.timeout <= 0 {
		return
	}
	now := time.Now()
	if c.until.Sub(now) > c.timeout-c.timeout/8 {
		return
	}
	c.until = now.Add(c.timeout)
	_ = c.conn.SetWriteDeadline(c.until) // it fails on a closed connection: so does the write
}

func (c *Carrier) setWriteDeadline(d time.Duration) {
	_ = c.conn.SetWriteDeadline(time.Now().Add(d)) // as above
}

// wrote is told by the spool how writing in the background has ended.
func (c *Carrier) wrote(err error) {
	if err != nil {
		_ = c.writeFailed(err) // it ends the carrier
		return
	}
	c.afterWrite()
}

// afterWrite does what others left to the writer because it held the lock, or to
// the spool because it is behind. It is called after the lock was given back, and
// when the spool has caught up.
func (c *Carrier) afterWrite() {
	for (c.ending.Load() || c.pong.Load() != nil && !c.spool.late()) && c.wmu.TryLock() {
		done := true
		switch pong := c.pong.Swap(nil); {
		case c.ending.Load():
			c.setWriteDeadline(parting) // whatever the writer has set
			c.farewellLocked()
		case pong != nil:
			// What fails here fails for the next Send too.
			if c.spool.begin() == nil {
				_ = c.writeLocked(websocket.PongMessage, *pong)
				_ = c.spool.end()
			}
			done = false
		}
		c.wmu.Unlock()
		if done {
			return
		}
	}
}

// farewellLocked writes the close frame, once, and says on TCP that nothing
// follows.
func (c *Carrier) farewellLocked() {
	if c.goodbye {
		return
	}
	c.mu.Lock()
	body := c.parting
	c.mu.Unlock()
	if body == nil {
		c.goodbye = true
		return
	}
	_ = c.writeLocked(websocket.CloseMessage, body) // there is no second chance
	c.goodbye = true
	if c.tcp != nil {
		_ = c.tcp.CloseWrite()
	}
}

// The header of a WebSocket frame (RFC 6455, section 5.2).
const (
	final     = 0x80
	masked    = 0x80
	maxHeader = 2 + 8 + 4
)

// Two sizes of buffers: a peer that does not read holds one for as long as a
// Send waits, so small batches do not take large ones.
const (
	smallBuffer = 2 << 10
	largeBuffer = frame.MaxBatch + maxHeader
)

var (
	smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

// writeLocked writes one frame with one Write. Control frames that gorilla
// writes on its own, in the moment before it fails, cannot get in between: a
// Write of net.TCPConn and of tls.Conn is atomic.
func (c *Carrier) writeLocked(opcode byte, payload []byte) error {
	if c.goodbye {
		return os.ErrClosed
	}
	var b []byte
	if len(payload)+maxHeader <= smallBuffer {
		buf := smallBuffers.Get().(*[smallBuffer]byte)
		defer smallBuffers.Put(buf)
		b = buf[:]
	} else {
		buf := largeBuffers.Get().(*[largeBuffer]byte)
		defer largeBuffers.Put(buf)
		b = buf[:]
	}
	n := c.encode(b, opcode, payload)
	_, err := c.conn.Write(b[:n])
	if err != nil {
		c.goodbye = true // a part of the frame may be out
	}
	return err
}

// encode puts one whole frame into b and returns its length.
func (c *Carrier) encode(b []byte, opcode byte, payload []byte) int {
	b[0] = final | opcode
	n := 2
	switch size := len(payload); {
	case size < 126:
		b[1] = byte(size)
	case size < 1<<16:
		b[1] = 126
		binary.BigEndian.PutUint16(b[2:], uint16(size))
		n += 2
	default:
		b[1] = 127
		binary.BigEndian.PutUint64(b[2:], uint64(size))
		n += 8
	}
	if !c.client {
		return n + copy(b[n:], payload)
	}
	b[1] |= masked
	key := rand.Uint32() // seeded by the system; nobody can choose what is on the wire
	binary.LittleEndian.PutUint32(b[n:], key)
	n += 4
	mask(b[n:], payload, key)
	return n + len(payload)
}

// maskRun is how much is masked at a time by the instructions that the standard
// library has for it: from two of them on it takes a third of the time.
const maskRun = 512

// mask writes src to dst, which are the same or do not overlap, under the key
// (RFC 6455, section 5.3).
func mask(dst, src []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	dst = dst[:len(src)]
	if len(src) >= 2*maskRun {
		var keys [maskRun]byte
		for i := 0; i < maskRun; i += 8 {
			binary.LittleEndian.PutUint64(keys[i:], wide)
		}
		for len(src) >= maskRun {
			n := subtle.XORBytes(dst, src, keys[:])
			dst, src = dst[n:], src[n:]
		}
	}
	for len(src) >= 8 {
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src)^wide)
		dst, src = dst[8:], src[8:]
	}
	for i := range src {
		dst[i] = src[i] ^ byte(key>>(i%4*8))
	}
}
