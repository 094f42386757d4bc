package ws

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/internal/closing"
)

// twinPause is how long a client waits before it dials the second connection
// again, and how long a dial may take.
const twinPause = 10 * time.Second

// errNoTwin is why a datagram is lost that was not sent.
var errNoTwin = errors.New("ws: there is no second connection, or it takes nothing now")

// A twin is the second connection of a carrier (clause 10.7), or will be. It
// carries datagrams: one in each message. A client dials it when there is
// something to be sent.
type twin struct {
	of     *Carrier
	dial   func(ctx context.Context) (*Carrier, error) // nil at a server
	ctx    context.Context                             // ends with the carrier
	cancel context.CancelFunc
	pause  time.Duration // before another dial

	// running are the goroutines that dial and read.
	running sync.WaitGroup

	mu      sync.Mutex
	conn    *Carrier // nil while there is none
	dialing bool
	dialed  time.Time // last
	deliver func(b []byte) error
	over    bool
	forget  func() // takes it out of Twins; nil at a client
}

func newTwin(of *Carrier, dial func(ctx context.Context) (*Carrier, error)) *twin {
	t := &twin{of: of, dial: dial, pause: twinPause}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// connect returns the connection, nil if there is none. A client dials it then.
func (t *twin) connect() *Carrier {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn != nil || t.over || t.dial == nil || t.dialing || !t.dialed.IsZero() && time.Since(t.dialed) < t.pause {
		return t.conn
	}
	t.dialing, t.dialed = true, time.Now()
	t.running.Go(func() {
		ctx, cancel := context.WithTimeout(t.ctx, twinPause)
		defer cancel()
		conn, err := t.dial(ctx)
		t.mu.Lock()
		t.dialing = false
		t.mu.Unlock()
		if err == nil {
			t.join(conn)
		} else {
			t.again()
		}
	})
	return nil
}

// again dials again, after a while, where the peer may have something to send.
func (t *twin) again() {
	t.mu.Lock()
	expects := t.dial != nil && t.deliver != nil && !t.over
	t.mu.Unlock()
	if !expects {
		return
	}
	pause := time.NewTimer(t.pause)
	defer pause.Stop()
	select {
	case <-pause.C:
		t.connect()
	case <-t.ctx.Done():
	}
}

// join makes conn the connection, in place of the one that there may be. It
// returns a channel that is closed when conn has ended.
func (t *twin) join(conn *Carrier) (ended <-chan struct{}) {
	done := make(chan struct{})
	t.mu.Lock()
	before := t.conn
	if t.over {
		before = conn
	} else {
		t.conn = conn
		t.running.Go(func() {
			defer t.again()
			defer close(done)
			defer func() { // also where deliver has ended this goroutine
				conn.close(errNoTwin, nil)
				t.mu.Lock()
				defer t.mu.Unlock()
				if t.conn == conn {
					t.conn = nil
				}
			}()
			_ = conn.Receive(t.receive) // the lanes go on without it
		})
	}
	t.mu.Unlock()
	if before != nil {
		before.close(errNoTwin, nil)
	}
	if before == conn {
		close(done)
	}
	return done
}

// receive takes what has arrived.
func (t *twin) receive(_ int, datagram []byte) error {
	t.mu.Lock()
	deliver := t.deliver
	t.mu.Unlock()
	switch {
	case len(datagram) > transport.MaxDatagram:
		return closing.Violation(errMessage)
	case deliver == nil:
		return nil
	}
	err := deliver(datagram)
	if err != nil {
		code, reason := closing.Undelivered(err)
		e := closing.Local(code, reason)
		t.of.close(err, websocket.FormatCloseMessage(closing.Status(e.Code), e.Reason))
	}
	return err
}

// end ends it with the carrier, wait waits until it has ended. Both are safe for
// a carrier without one.
func (t *twin) end() {
	if t == nil {
		return
	}
	t.cancel()
	t.mu.Lock()
	t.over = true
	conn, forget := t.conn, t.forget
	t.conn, t.forget = nil, nil
	t.mu.Unlock()
	if conn != nil {
		conn.close(errNoTwin, nil)
	}
	if forget != nil {
		forget()
	}
}

func (t *twin) wait() {
	if t != nil {
		t.end() // whoever ends the carrier may not have come to that
		t.running.Wait()
	}
}

// Beside reports that datagrams need not arrive, nor be repaired soon; see
// transport.Beside.
func (c *Carrier) Beside() bool { return true }

// DatagramSize returns how many bytes a datagram may have; see
// transport.Datagrams.
func (c *Carrier) DatagramSize() int {
	if c.twin == nil {
		return 0
	}
	return transport.MaxDatagram
}

// SendDatagram sends a datagram over the second connection; see
// transport.Datagrams. While there is none, or it does not take it at once, the
// datagram is lost.
func (c *Carrier) SendDatagram(b []byte) error {
	if len(b) > transport.MaxDatagram {
		return transport.ErrBatch
	}
	if c.twin == nil {
		return errNoTwin
	}
	conn := c.twin.connect()
	if conn == nil || !conn.Prompt(0) {
		return errNoTwin
	}
	return conn.Send(0, b)
}

// DeliverDatagrams has datagrams of the second connection delivered; see
// transport.Datagrams. A client opens it.
func (c *Carrier) DeliverDatagrams(deliver func(b []byte) error) {
	if c.twin == nil {
		return
	}
	c.twin.mu.Lock()
	c.twin.deliver = deliver
	c.twin.mu.Unlock()
	c.twin.connect()
}

// Lost returns how many segments TCP has sent again; see transport.Lossy.
func (c *Carrier) Lost() uint64 {
	if c.tcp == nil {
		return 0
	}
	return sentAgain(c.tcp)
}

// Twins are the carriers of a server that may have a second connection. The zero
// value has none.
type Twins struct {
	mu    sync.Mutex
	first map[string]*Carrier
}

// newTwinID returns an id by which a second connection is known: whoever has it
// may be one.
func newTwinID() string {
	var id [twinIDBytes]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

const twinIDBytes = 16

// asked returns the id of a request that is for a carrier which may have a second
// connection, or for that; "" if it is for neither.
func (t *Twins) asked(r *http.Request) string {
	if t == nil {
		return ""
	}
	id := r.Header.Get(TwinHeader)
	if b, err := hex.DecodeString(id); err != nil || len(b) != twinIDBytes {
		return ""
	}
	return id
}

// add remembers a carrier until it ends. The id of another is nobody's.
func (t *Twins) add(id string, c *Carrier) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first[id] != nil {
		return
	}
	if t.first == nil {
		t.first = make(map[string]*Carrier)
	}
	c.twin = newTwin(c, nil)
	c.twin.forget = func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.first, id)
	}
	t.first[id] = c
}

func (t *Twins) find(id string) *Carrier {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.first[id]
}
