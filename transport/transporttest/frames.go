package transporttest

import (
	"testing"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
)

// opening returns the frame that a lane begins with (clause 4.4).
func opening(lane int) []byte {
	if lane == 0 {
		return frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: []byte{0x80}})
	}
	return frame.Append(nil, &frame.Frame{Kind: frame.Attach, Lane: uint8(lane), ID: 1})
}

// message appends a frame with the number seq.
func message(b []byte, lane, seq int, payload []byte) []byte {
	return frame.Append(b, &frame.Frame{Kind: frame.Message, Lane: uint8(lane), Seq: uint64(seq), Ref: 2, Payload: payload})
}

// exact returns a frame of exactly size bytes, of a kind that a session may
// ignore and a carrier does not look at.
func exact(size int) []byte {
	for n := 1; n <= 4; n *= 2 {
		if body := size - n; frame.VarintLen(uint64(body)) == n {
			b := frame.AppendVarint(nil, uint64(body))
			b = append(b, 0xbf, 0)
			for i := len(b); i < size; i++ {
				b = append(b, byte(i*7))
			}
			return b
		}
	}
	panic("transporttest: there is no frame of this size")
}

// batchOf returns size bytes of frames, large ones first.
func batchOf(size int) []byte {
	var b []byte
	for size-len(b) > frame.MaxFrame {
		b = append(b, exact(min(frame.MaxFrame, size-len(b)-3))...)
	}
	return append(b, exact(size-len(b))...)
}

// lanesOf returns the lanes that a test of every lane uses: some of those of an
// independent carrier, else the pipe.
func lanesOf(c transport.Carrier) []int {
	if c.Info().Independent {
		return []int{0, 1, 2, 3, frame.MaxLanes - 1}
	}
	return []int{0}
}

func mustSend(t *testing.T, c transport.Carrier, lane int, batch []byte) {
	t.Helper()
	if err := c.Send(lane, batch); err != nil {
		t.Fatalf("Send(%d, %d bytes) = %v", lane, len(batch), err)
	}
}

// open opens the lanes of a pair with sinks at both ends and returns those.
func open(t *testing.T, p *Pair, lanes ...int) (client, server *sink) {
	t.Helper()
	client, server = receive(p.Client), receive(p.Server)
	openInto(t, p, server, lanes...)
	return client, server
}

func openInto(t *testing.T, p *Pair, server *sink, lanes ...int) {
	t.Helper()
	for _, lane := range lanes {
		b := opening(lane)
		mustSend(t, p.Client, lane, b)
		server.wait(t, lane, len(b))
	}
}
