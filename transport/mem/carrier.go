package mem

import (
	"errors"
	"sync"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/internal/closing"
	"github.com/twinwire/twinwire/transport/internal/deframe"
)

var (
	// ErrCut is what both ends see after Cut and CutAfter: the connection
	// broke and nobody said goodbye.
	ErrCut = errors.New("mem: connection cut")
	// ErrReceiving is returned by a second call of Receive.
	ErrReceiving = errors.New("mem: Receive was called before")
)

// A Carrier is one end of a pair. It is a transport.Carrier.
type Carrier struct {
	// Immutable.
	peer     *Carrier
	out, in  *flow
	info     transport.Info
	client   bool
	deadline time.Duration // how long Send waits; 0 for ever

	lull    func() bool           // is called before receiving waits; nil for nothing
	readers sync.WaitGroup        // of independent lanes
	turns   [frame.MaxLanes]*turn // the present ones; owned by who reads the lane

	mu      sync.Mutex
	deliver func(lane int, frames []byte) error // set by Receive
	waiting [frame.MaxLanes]bool                // lanes opened before Receive
	err     error                               // what ended the carrier
}

var (
	_ transport.Handover = (*Carrier)(nil)
	_ transport.Lull     = (*Carrier)(nil)
)

// Pipe returns the two ends of a new connection. Nothing runs until their
// methods are called.
func Pipe(o *Options) (client, server *Carrier) {
	opt := o.withDefaults()
	up, down := newFlow(opt.Buffer), newFlow(opt.Buffer)
	if opt.OnePipe {
		up.lanes[0].open, down.lanes[0].open = true, true
	}
	info := transport.Info{
		Wire: "mem", Independent: !opt.OnePipe, Secure: opt.Secure,
		LocalAddr: "client", RemoteAddr: "server",
	}
	wait := max(opt.SendTimeout, 0)
	client = &Carrier{out: up, in: down, info: info, client: true, deadline: wait}
	info.LocalAddr, info.RemoteAddr = "server", "client"
	server = &Carrier{out: down, in: up, info: info, deadline: wait, peer: client}
	client.peer = server
	return client, server
}

// Info describes the carrier.
func (c *Carrier) Info() transport.Info { return c.info }

// Send copies the batch into the buffer of the lane and wakes the peer. It
// waits while the buffer is full, at most Options.SendTimeout.
func (c *Carrier) Send(lane int, batch []byte) error {
	if len(batch) == 0 || len(batch) > frame.MaxBatch {
		return transport.ErrBatch
	}
	if lane < 0 || lane >= frame.MaxLanes || lane > 0 && !c.info.Independent {
		return transport.ErrLane
	}
	f := c.out
	f.mu.Lock()
	q := &f.lanes[lane]
	if f.sendErr != nil || !q.open || !q.room(f.limit, len(batch)) {
		if err := c.ready(q, lane, len(batch)); err != nil {
			f.mu.Unlock()
			return c.failed(err)
		}
	}
	err := f.putLocked(q, batch)
	f.mu.Unlock()
	if err != nil {
		return c.failed(err)
	}
	return nil
}

// ready opens the lane if that is up to this side and waits for room. It is
// called with the flow's lock, and returns with it.
func (c *Carrier) ready(q *queue, lane, size int) error {
	f := c.out
	if f.sendErr == nil && !q.open {
		if !c.client {
			return transport.ErrLane
		}
		q.open = true
		if lane > 0 {
			f.mu.Unlock()
			c.startLane(lane)
			c.peer.startLane(lane)
			f.mu.Lock()
		}
	}
	return f.waitLocked(q, size, c.deadline)
}

// failed ends the carrier where an error of Send does, and returns what Send
// returns.
func (c *Carrier) failed(err error) error {
	switch {
	case errors.Is(err, errTimeout):
		c.close(err, twinwire.PeerDead, "send timeout")
	case errors.Is(err, ErrCut):
		c.end(err)
	}
	return err
}

// Receive delivers what the peer sends; see transport.Carrier. It reads the one
// pipe itself, or has a goroutine for every lane that was opened.
func (c *Carrier) Receive(deliver func(lane int, frames []byte) error) error {
	c.mu.Lock()
	if c.deliver != nil {
		c.mu.Unlock()
		return ErrReceiving
	}
	c.deliver = deliver
	waiting := c.waiting
	c.mu.Unlock()
	for lane, opened := range waiting {
		if opened {
			c.startLane(lane)
		}
	}
	return c.receive(deliver)
}

// Handover lets another goroutine go on receiving; see transport.Handover.
func (c *Carrier) Handover(lane int, deliver func(lane int, frames []byte) error) func() error {
	if !c.info.Independent {
		return func() error { return c.receive(deliver) }
	}
	next := new(turn)
	c.turns[lane].over, c.turns[lane] = true, next
	return func() error {
		c.takeTurn(lane, next, true, deliver)
		return nil
	}
}

// OnLull has f called before receiving waits, on a carrier that is one pipe; see
// transport.Lull.
func (c *Carrier) OnLull(f func() bool) bool {
	if c.info.Independent {
		return false
	}
	c.lull = f
	return true
}

// receive reads until the carrier ends, or until another goroutine goes on with
// it.
func (c *Carrier) receive(deliver func(lane int, frames []byte) error) error {
	if c.info.Independent {
		c.mu.Lock() // a lane may be opened at the same time
		c.startReader(0)
		c.mu.Unlock()
	} else if err := c.readLane(0, true, deliver); err != nil {
		return err
	}
	c.readers.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// startLane starts the reader of a lane that was just opened, or leaves that
// to Receive. The reader ends with the carrier, and Receive waits for it.
func (c *Carrier) startLane(lane int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
	case c.deliver == nil:
		c.waiting[lane] = true
	default:
		c.startReader(lane)
	}
}

// startReader starts the first goroutine that reads an independent lane. mu is
// held.
func (c *Carrier) startReader(lane int) {
	c.readers.Add(1)
	c.turns[lane] = new(turn)
	go c.takeTurn(lane, c.turns[lane], c.client, c.deliver)
}

// A turn is that of a goroutine that reads an independent lane.
type turn struct {
	over bool // another one goes on
}

// takeTurn reads an independent lane until the carrier ends or another
// goroutine goes on, which is then the one that Receive waits for.
func (c *Carrier) takeTurn(lane int, own *turn, opened bool, deliver func(lane int, frames []byte) error) {
	defer func() {
		if !own.over {
			c.readers.Done()
		}
	}()
	_ = c.readLane(lane, opened, deliver) // ErrHandedOver, or nil
}

// readLane delivers one lane until the carrier ends. It returns ErrHandedOver,
// or nil. A lane that is not opened has yet to say which it is.
func (c *Carrier) readLane(lane int, opened bool, deliver func(lane int, frames []byte) error) error {
	var batch []byte
	for {
		var err error
		if batch, err = c.in.take(lane, batch, c.lull); err != nil {
			c.end(err)
			return nil
		}
		if err := deframe.Batch(batch); err != nil {
			c.violated(err)
			return nil
		}
		if !opened {
			if got, err := deframe.Opening(batch); err != nil || got != lane {
				c.violated(deframe.ErrOpening)
				return nil
			}
			c.out.open(lane)
			opened = true
		}
		switch err := deliver(lane, batch); {
		case errors.Is(err, transport.ErrHandedOver):
			return transport.ErrHandedOver
		case err != nil:
			code, reason := closing.Undelivered(err)
			c.close(err, code, reason)
			return nil
		}
	}
}

func (c *Carrier) violated(err error) {
	e := closing.Violation(err)
	c.close(e, e.Code, e.Reason)
}

// Close ends both ends at once; see transport.Carrier. The peer learns of it
// unless what this side sends is stalled.
func (c *Carrier) Close(code twinwire.Code, reason string) {
	e := closing.Local(code, reason)
	c.close(e, e.Code, e.Reason)
}

// close ends this side with err and tells the peer code and reason.
func (c *Carrier) close(err error, code twinwire.Code, reason string) {
	if c.end(err) {
		c.out.bye(func() { c.peer.end(closing.ByPeer(uint64(code), reason)) })
	}
}

// end ends this side, unblocks Send and Receive, and reports whether it is the
// first to do so.
func (c *Carrier) end(err error) bool {
	c.mu.Lock()
	first := c.err == nil
	if first {
		c.err = err
	}
	c.mu.Unlock()
	if first {
		c.out.stopSending(err)
		c.in.stopReceiving(err)
	}
	return first
}
