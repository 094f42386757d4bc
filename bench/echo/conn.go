package echo

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/twinwire/twinwire/bench/peer"
)

// conn is the client's side: any number of callers share its pipe.
type conn struct {
	pipe    pipe
	onEvent func([]byte)
	done    sync.WaitGroup // the read loop

	// callers is copied on write, so that the read loop needs no lock. The
	// caller at i has the number i+1.
	callers atomic.Pointer[[]*caller]

	mu  sync.Mutex
	err error // why the connection ended
}

func newConn(p pipe, onEvent func([]byte)) *conn {
	c := &conn{pipe: p, onEvent: onEvent}
	c.callers.Store(new([]*caller))
	c.done.Go(c.readLoop)
	return c
}

// readLoop gives replies to their callers. It runs until the pipe ends.
func (c *conn) readLoop() {
	for {
		frame, err := c.pipe.read()
		if err == nil {
			err = c.deliver(frame)
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
}

func (c *conn) deliver(frame []byte) error {
	if len(frame) < headSize {
		return fmt.Errorf("echo: frame of %d bytes", len(frame))
	}
	number, payload := binary.BigEndian.Uint32(frame), frame[headSize:]
	if number == 0 {
		if c.onEvent != nil {
			c.onEvent(payload)
		}
		return nil
	}
	callers := *c.callers.Load()
	if int(number) > len(callers) {
		return fmt.Errorf("echo: reply to caller %d of %d", number, len(callers))
	}
	callers[number-1].reply(payload)
	return nil
}

// fail ends every call, now and later.
func (c *conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	for _, caller := range *c.callers.Load() {
		caller.end()
	}
}

func (c *conn) cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *conn) NewCaller() peer.Caller {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := *c.callers.Load()
	number := uint32(len(old) + 1)
	n := &caller{conn: c, replied: make(chan struct{}, 1)}
	binary.BigEndian.PutUint32(n.head[:], number)
	callers := append(old[:len(old):len(old)], n)
	c.callers.Store(&callers)
	if c.err != nil {
		n.end()
	}
	return n
}

func (c *conn) Close() error {
	c.pipe.close()
	c.done.Wait()
	return nil
}

// caller has at most one call under way.
type caller struct {
	conn    *conn
	head    [headSize]byte
	ended   atomic.Bool
	replied chan struct{} // one token: a reply is in answer, or ended is set
	answer  []byte        // the read loop's until the token is taken, then the caller's
}

func (c *caller) Call(payload []byte) ([]byte, error) {
	if c.ended.Load() {
		return nil, c.conn.cause()
	}
	if err := c.conn.pipe.write(c.head, payload); err != nil {
		return nil, err
	}
	<-c.replied
	if c.ended.Load() {
		return nil, c.conn.cause()
	}
	return c.answer, nil
}

// reply is called by the read loop, once for each call.
func (c *caller) reply(payload []byte) {
	c.answer = append(c.answer[:0], payload...)
	c.wake()
}

// end makes the call under way and all later ones fail.
func (c *caller) end() {
	c.ended.Store(true)
	c.wake()
}

func (c *caller) wake() {
	select {
	case c.replied <- struct{}{}:
	default:
	}
}
