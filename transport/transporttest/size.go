package transporttest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
)

// A batch may hold thousands of frames, and thousands of batches may follow
// each other.
func testManyFrames(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{})
	_, server := open(t, p, 0)
	want := opening(0)
	for range 50 {
		var b []byte
		for len(b)+16 < frame.MaxBatch {
			b = message(b, 0, len(b)&31, nil)
		}
		mustSend(t, p.Client, 0, b)
		want = append(want, b...)
	}
	for i := range 5000 {
		b := message(nil, 0, i, []byte("x"))
		mustSend(t, p.Client, 0, b)
		want = append(want, b...)
	}
	if got := server.wait(t, 0, len(want)); !bytes.Equal(got, want) {
		t.Error("server got other bytes")
	}
}

// Frames of every size up to the limits of clauses 2.1 and 2.5 pass, both ways.
func testSizes(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{})
	client, server := open(t, p, 0)
	up, down := opening(0), []byte(nil)
	both := func(b []byte) {
		t.Helper()
		mustSend(t, p.Client, 0, b)
		mustSend(t, p.Server, 0, b)
		up, down = append(up, b...), append(down, b...)
		// Wait for each, so that a failure names its size.
		if got := server.wait(t, 0, len(up)); !bytes.Equal(got, up) {
			t.Fatalf("batch of %d bytes: server got other bytes", len(b))
		}
		if got := client.wait(t, 0, len(down)); !bytes.Equal(got, down) {
			t.Fatalf("batch of %d bytes: client got other bytes", len(b))
		}
		if len(up) > 1<<20 {
			server.forget()
			client.forget()
			up, down = nil, nil
		}
	}
	both(message(nil, 0, 0, nil))
	both(message(nil, 0, 0, filler(frame.MaxPayload)))
	for _, size := range []int{
		3, 4, 63, 64, 66, 67, 124, 125, 126, 127, 128, 254, 255, 256, 257, 511, 512, 513, 1199, 1200, 1201, 1451, 1452, 1453,
		2047, 2048, 2049, 4095, 4096, 4097, 8191, 8192, 16383, 16384, 16385, 16388, 16389, 16400, 32767, frame.MaxFrame - 1, frame.MaxFrame,
	} {
		both(exact(size))
	}
	// Frames that fill a batch, and one byte less.
	both(batchOf(frame.MaxBatch))
	both(batchOf(frame.MaxBatch - 1))
	// The same without waiting: three of them are more than any buffer.
	full := batchOf(frame.MaxBatch)
	for range 64 {
		mustSend(t, p.Client, 0, full)
		up = append(up, full...)
	}
	if got := server.wait(t, 0, len(up)); !bytes.Equal(got, up) {
		t.Fatal("server got other bytes")
	}
}

func filler(n int) []byte { return bytes.Repeat([]byte{0xa5}, n) }

// forget drops what was received.
func (s *sink) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.got {
		s.got[i] = nil
	}
}

// A batch that is empty or over the limit changes nothing.
func testBadSizes(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{})
	client, server := open(t, p, 0)
	for _, b := range [][]byte{nil, {}, batchOf(frame.MaxBatch + 1)} {
		if err := p.Client.Send(0, b); err != transport.ErrBatch {
			t.Errorf("client: Send of %d bytes = %v, want ErrBatch", len(b), err)
		}
		if err := p.Server.Send(0, b); err != transport.ErrBatch {
			t.Errorf("server: Send of %d bytes = %v, want ErrBatch", len(b), err)
		}
	}
	b := message(nil, 0, 0, []byte("still here"))
	mustSend(t, p.Client, 0, b)
	mustSend(t, p.Server, 0, b)
	server.wait(t, 0, len(opening(0))+len(b))
	client.wait(t, 0, len(b))
}

// A lane that does not exist is refused, and so is one that the client has not
// opened; the carrier goes on, and the lane works once it is open.
func testBadLanes(t *testing.T, pair MakePair) {
	p := start(t, pair, Options{})
	client, server := open(t, p, 0)
	b := message(nil, 0, 0, nil)
	bad := []int{-1, frame.MaxLanes, 1000}
	if !p.Client.Info().Independent {
		bad = append(bad, 1)
	}
	for _, lane := range bad {
		if err := p.Client.Send(lane, b); err != transport.ErrLane {
			t.Errorf("client: Send on lane %d = %v, want ErrLane", lane, err)
		}
		if err := p.Server.Send(lane, b); err != transport.ErrLane {
			t.Errorf("server: Send on lane %d = %v, want ErrLane", lane, err)
		}
	}
	if !p.Client.Info().Independent {
		return
	}
	if err := p.Server.Send(2, message(nil, 2, 0, nil)); err != transport.ErrLane {
		t.Errorf("server: Send on a lane that is not open = %v, want ErrLane", err)
	}
	openInto(t, p, server, 2)
	b = message(nil, 2, 0, nil)
	mustSend(t, p.Server, 2, b)
	client.wait(t, 2, len(b))
}

// Clause 2.1: a length that breaks the protocol ends the carrier with
// ProtocolError at once, without waiting for so many bytes.
func testBadLength(t *testing.T, pair MakePair) {
	for name, b := range map[string][]byte{
		"Zero":    {0x00},
		"One":     {0x01, 0x41},
		"Over":    frame.AppendVarint(nil, frame.MaxBody+1),
		"Huge":    frame.AppendVarint(nil, frame.MaxVarint),
		"NotMin":  {0x40, 0x05, 0x41, 0, 0, 0, 0},
		"NotMin4": {0x80, 0, 0, 5, 0x41, 0, 0, 0, 0},
		"NotMin8": {0xc0, 0, 0, 0, 0, 0, 0, 5, 0x41, 0, 0, 0, 0},
		"Second":  append(message(nil, 0, 0, nil), 0x00),
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, pair, Options{})
			client, server := open(t, p, 0)
			mustSend(t, p.Client, 0, b)
			violated(t, client, server)
		})
	}
}

// violated checks that the server ended the carrier with ProtocolError and
// that the client was told.
func violated(t *testing.T, client, server *sink) {
	t.Helper()
	if err := server.end(t); !errors.Is(err, twinwire.ProtocolError) {
		t.Errorf("server ended with %v, want a protocol error", err)
	}
	closedByPeer(t, client, twinwire.ProtocolError, anyReason)
}

// Clause 4.4: a lane begins with HELLO or ATTACH.
func testBadOpening(t *testing.T, pair MakePair) {
	for _, test := range []struct {
		lane int
		b    []byte
	}{
		{0, frame.Append(nil, &frame.Frame{Kind: frame.Attach, ID: 1})},
		{0, message(nil, 0, 0, nil)},
		{1, frame.Append(nil, &frame.Frame{Kind: frame.Hello})},
		{1, message(nil, 1, 0, nil)},
		{1, frame.Append(nil, &frame.Frame{Kind: frame.Attach, Lane: 0, ID: 1})},
	} {
		t.Run(fmt.Sprintf("%d/%#x", test.lane, test.b[1]), func(t *testing.T) {
			p := start(t, pair, Options{})
			if !p.Client.Info().Independent {
				t.Skip("the carrier is one pipe: the session checks its first frame")
			}
			client, server := receive(p.Client), receive(p.Server)
			if test.lane != 0 {
				openInto(t, p, server, 0)
			}
			mustSend(t, p.Client, test.lane, test.b)
			violated(t, client, server)
		})
	}
}
