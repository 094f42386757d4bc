package transporttest

import (
	"bytes"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
)

// Info is the same on both sides where it speaks of the wire.
func testInfo(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{})
	c, s := p.Client.Info(), p.Server.Info()
	if c.Wire == "" || c.Wire != s.Wire || c.Independent != s.Independent {
		t.Errorf("client %+v and server %+v disagree about the wire", c, s)
	}
	if c.LocalAddr == "" || c.RemoteAddr == "" || s.LocalAddr == "" || s.RemoteAddr == "" {
		t.Errorf("an address is missing: client %+v, server %+v", c, s)
	}
	if c.RemoteAddr != s.LocalAddr {
		t.Errorf("client is connected to %s, server is %s", c.RemoteAddr, s.LocalAddr)
	}
	if p.Client.Info() != c {
		t.Error("Info has changed")
	}
}

// Frames arrive once and in order within a lane, in both directions at once.
func testOrder(t *testing.T, pair MakePair) {
	const batches = 400
	p := start(t, pair, Options{})
	client, server := open(t, p, lanesOf(p.Client)...)
	var senders sync.WaitGroup
	send := func(from transport.Carrier, lane int, want *[]byte) {
		senders.Go(func() {
			payload := bytes.Repeat([]byte{byte(lane)}, 900)
			seq := 0
			for i := range batches {
				var b []byte
				for range i%5 + 1 {
					b = message(b, lane, seq, payload[:seq*31%900])
					seq++
				}
				if err := from.Send(lane, b); err != nil {
					t.Errorf("Send on lane %d: %v", lane, err)
					return
				}
				*want = append(*want, b...)
			}
		})
	}
	var up, down [frame.MaxLanes][]byte
	for _, lane := range lanesOf(p.Client) {
		up[lane] = opening(lane)
		send(p.Client, lane, &up[lane])
		send(p.Server, lane, &down[lane])
	}
	senders.Wait()
	for _, lane := range lanesOf(p.Client) {
		if got := server.wait(t, lane, len(up[lane])); !bytes.Equal(got, up[lane]) {
			t.Errorf("server got other bytes on lane %d", lane)
		}
		if got := client.wait(t, lane, len(down[lane])); !bytes.Equal(got, down[lane]) {
			t.Errorf("client got other bytes on lane %d", lane)
		}
	}
}

// What was sent before Receive was called is not lost.
func testBeforeReceive(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{})
	var want [frame.MaxLanes][]byte
	for _, lane := range lanesOf(p.Client) {
		want[lane] = message(opening(lane), lane, 0, []byte("early"))
		mustSend(t, p.Client, lane, want[lane])
	}
	server := receive(p.Server)
	for _, lane := range lanesOf(p.Client) {
		if got := server.wait(t, lane, len(want[lane])); !bytes.Equal(got, want[lane]) {
			t.Errorf("lane %d: got %x, want %x", lane, got, want[lane])
		}
	}
}

// Any of many goroutines may send; each one's batches stay in order and whole.
func testConcurrentSenders(t *testing.T, pair MakePair) {
	const goroutines, batches = 8, 200
	p := start(t, pair, Options{})
	_, server := open(t, p, lanesOf(p.Client)...)
	size := len(message(nil, 0, 0, binary.BigEndian.AppendUint64(nil, 0)))
	for _, lane := range lanesOf(p.Client) {
		var senders sync.WaitGroup
		for g := range goroutines {
			senders.Go(func() {
				for i := range batches {
					payload := binary.BigEndian.AppendUint32(nil, uint32(g))
					payload = binary.BigEndian.AppendUint32(payload, uint32(i))
					b := message(nil, lane, 0, payload)
					if err := p.Client.Send(lane, message(b, lane, 0, payload)); err != nil {
						t.Errorf("Send: %v", err)
						return
					}
				}
			})
		}
		senders.Wait()
		skip := len(opening(lane))
		got := server.wait(t, lane, skip+goroutines*batches*2*size)[skip:]
		var next [goroutines]uint32
		for ; len(got) > 0; got = got[2*size:] {
			one, two := got[size-8:size], got[2*size-8:2*size]
			g := binary.BigEndian.Uint32(one)
			if !bytes.Equal(one, two) || int(g) >= goroutines || binary.BigEndian.Uint32(one[4:]) != next[g] {
				t.Fatalf("lane %d: batch %x %x out of order, want number %v", lane, one, two, next)
			}
			next[g]++
		}
	}
}

// Clause 1.2: a lane that stalls does not stall another. Here the receiver of
// one lane is stuck in deliver and its sender in Send, in both directions in
// turn.
func testIndependence(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{SendTimeout: time.Hour})
	if !p.Client.Info().Independent {
		t.Skip("the carrier is one pipe: its lanes are not independent, see Info")
	}
	t.Run("ClientToServer", func(t *testing.T) {
		p := start(t, pair, Options{SendTimeout: time.Hour})
		testStuckLane(t, p, p.Client, p.Server)
	})
	t.Run("ServerToClient", func(t *testing.T) {
		p := start(t, pair, Options{SendTimeout: time.Hour})
		testStuckLane(t, p, p.Server, p.Client)
	})
}

func testStuckLane(t *testing.T, p *Pair, from, to transport.Carrier) {
	const stuck, others, rounds = 3, 2, 300
	release := make(chan struct{})
	var armed atomic.Bool
	block := func(lane int, _ []byte) error {
		if lane == stuck && armed.Load() {
			<-release
		}
		return nil
	}
	near, far := receive(from), receiveWith(to, block)
	server := near
	if to == p.Server {
		server = far
	}
	openInto(t, p, server, 0, 1, 2, stuck)
	armed.Store(true)

	// The sender ends with the carrier; it fills whatever buffers there are.
	var sent atomic.Int64
	sender := make(chan struct{})
	go func() {
		defer close(sender)
		b := exact(frame.MaxFrame)
		for from.Send(stuck, b) == nil {
			sent.Add(1)
		}
	}()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for last := int64(-1); last != sent.Load() || last <= 0; <-tick.C {
		last = sent.Load()
	}

	for _, lane := range []int{1, others} {
		before := 0
		if to == p.Server {
			before = len(opening(lane))
		}
		for i := range rounds {
			b := message(nil, lane, i, make([]byte, 2000))
			mustSend(t, from, lane, b)
			before += len(b)
			far.wait(t, lane, before)
		}
	}
	p.Client.Close(0, "")
	p.Server.Close(0, "")
	<-sender
	close(release)
	near.end(t)
	far.end(t)
}
