package jsonecho

import (
	"sync"

	"github.com/gorilla/websocket"

	"github.com/twinwire/twinwire/bench/peer"
)

// conn is the client's side.
type conn struct {
	ws      *websocket.Conn
	onEvent func([]byte)
	done    sync.WaitGroup // read

	writing sync.Mutex // gorilla allows one writer

	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan []byte // nil when the connection has ended
	err     error                  // why it has
}

// read gives replies to their callers. It runs until the connection ends.
func (c *conn) read() {
	for {
		var m message
		if err := c.ws.ReadJSON(&m); err != nil {
			c.end(err)
			return
		}
		if m.Type == typeEvent {
			if c.onEvent != nil {
				c.onEvent(m.Payload)
			}
			continue
		}
		c.mu.Lock()
		reply := c.waiting[m.ID]
		delete(c.waiting, m.ID)
		c.mu.Unlock()
		if reply != nil {
			reply <- m.Payload
		}
	}
}

// end makes every call fail, now and later.
func (c *conn) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	for _, reply := range c.waiting {
		close(reply)
	}
	c.waiting = nil
}

// call sends m and waits for the reply, for which the channel has room.
func (c *conn) call(m message, reply chan []byte) ([]byte, error) {
	c.mu.Lock()
	if c.waiting == nil {
		defer c.mu.Unlock()
		return nil, c.err
	}
	c.last++
	m.ID = c.last
	c.waiting[m.ID] = reply
	c.mu.Unlock()
	if err := c.send(m); err != nil {
		return nil, err
	}
	payload, ok := <-reply
	if !ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		return nil, c.err
	}
	return payload, nil
}

func (c *conn) send(m message) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.ws.WriteJSON(m)
}

func (c *conn) NewCaller() peer.Caller { return &caller{conn: c, reply: make(chan []byte, 1)} }

func (c *conn) Messages() (peer.Sender, error) { return &sender{c}, nil }

// Close returns no error where the server was the first to close.
func (c *conn) Close() error {
	_ = c.ws.Close()
	c.done.Wait()
	return nil
}

type caller struct {
	conn  *conn
	reply chan []byte
}

func (c *caller) Call(payload []byte) ([]byte, error) {
	return c.conn.call(message{Type: typeCall, Payload: payload}, c.reply)
}

type sender struct{ conn *conn }

func (s *sender) Send(payload []byte) error {
	return s.conn.send(message{Type: typeMessage, Payload: payload})
}

// Close makes a call, which the server answers after all that came before.
func (s *sender) Close() error {
	_, err := s.conn.call(message{Type: typeCall}, make(chan []byte, 1))
	return err
}
