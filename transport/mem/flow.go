package mem

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/twinwire/twinwire/frame"
)

// errTimeout ends a carrier whose peer does not read.
var errTimeout = fmt.Errorf("mem: send timeout: %w", os.ErrDeadlineExceeded)

// A flow is one direction of a connection: a queue for each lane.
type flow struct {
	limit int // immutable: bytes that a lane holds

	mu      sync.Mutex
	lanes   [frame.MaxLanes]queue
	pending int   // bytes in all lanes
	sendErr error // the sending side has ended
	recvErr error // the receiving side has ended
	faults  faults
}

// A queue is one lane of a flow. Its fields are guarded by flow.mu.
type queue struct {
	open    bool
	stalled bool
	buf     []byte // accepted and not taken
	late    []late // accepted and delayed
	size    int    // of both, in bytes
	repeat  bool   // duplicate the next batch
	delay   time.Duration
	data    sync.Cond // the reader waits for buf
	space   sync.Cond // senders wait for room
	senders int       // that wait
}

func newFlow(limit int) *flow {
	f := &flow{limit: limit}
	f.faults.cutAfter = -1
	for i := range f.lanes {
		f.lanes[i].data.L, f.lanes[i].space.L = &f.mu, &f.mu
	}
	return f
}

func (q *queue) room(limit, size int) bool { return q.size == 0 || q.size+size <= limit }

// waitLocked waits for room and returns what forbids to send, if anything.
func (f *flow) waitLocked(q *queue, size int, timeout time.Duration) error {
	if f.sendErr != nil || q.room(f.limit, size) {
		return f.sendErr
	}
	expired := false
	if timeout > 0 {
		// The timer's goroutine lives for the moment in which it fires.
		defer time.AfterFunc(timeout, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			expired = true
			q.space.Broadcast()
		}).Stop()
	}
	q.senders++
	defer func() { q.senders-- }()
	for f.sendErr == nil && !q.room(f.limit, size) {
		if expired {
			return errTimeout
		}
		q.space.Wait()
	}
	return f.sendErr
}

// putLocked appends a batch for which there is room.
func (f *flow) putLocked(q *queue, batch []byte) error {
	if f.faults.planted {
		return f.putFaultyLocked(q, batch)
	}
	f.appendLocked(q, batch)
	return nil
}

func (f *flow) appendLocked(q *queue, batch []byte) {
	q.size += len(batch)
	f.pending += len(batch)
	q.buf = append(q.buf, batch...)
	q.data.Signal()
}

// take waits for batches of a lane and returns them all. The caller gives back
// what it got before, whose memory is used again. Before it waits it calls lull,
// unless that is nil.
func (f *flow) take(lane int, used []byte, lull func() bool) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := &f.lanes[lane]
	for f.recvErr == nil {
		if len(q.buf) > 0 && !q.stalled {
			b := q.buf
			q.buf = used[:0]
			q.size -= len(b)
			f.pending -= len(b)
			if q.senders > 0 {
				q.space.Broadcast()
			}
			if f.faults.cut && f.pending == 0 {
				f.wakeReadersLocked()
			}
			return b, nil
		}
		if f.faults.cut && f.pending == 0 {
			return nil, ErrCut
		}
		if lull != nil {
			f.mu.Unlock()
			lull()
			lull = nil
			f.mu.Lock()
			continue // for what has come meanwhile
		}
		q.data.Wait()
	}
	return nil, f.recvErr
}

// open lets the sender use a lane.
func (f *flow) open(lane int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lanes[lane].open = true
}

func (f *flow) stopSending(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sendErr = err
	for i := range f.lanes {
		f.lanes[i].space.Broadcast()
	}
}

// stopReceiving drops what is queued: nobody will read it. The sender still
// finds a full buffer full, as it would with a peer that has vanished.
func (f *flow) stopReceiving(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.recvErr = err
	f.wakeReadersLocked()
	for i := range f.lanes {
		q := &f.lanes[i]
		for _, l := range q.late {
			l.timer.Stop()
		}
		q.late = nil
	}
}

func (f *flow) wakeReadersLocked() {
	for i := range f.lanes {
		f.lanes[i].data.Broadcast()
	}
}
