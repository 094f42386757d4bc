package zoo

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
)

// A peer speaks frames as it likes.
type peer struct {
	transport.Carrier
	wire string
	sent *atomic.Int64
	seq  [frame.MaxLanes]uint64
	open [frame.MaxLanes]bool

	version uint64 // of the newest event that has left by datagram

	welcome frame.Frame      // what has begun the session
	answer  chan frame.Frame // the first that comes
	replies chan frame.Frame
	ended   chan error // what Receive returned
}

// peer dials, and reads unless deaf.
func (y *yard) peer(wire string, sent *atomic.Int64, deaf bool) (*peer, error) {
	ctx, cancel := y.patiently()
	defer cancel()
	c, err := y.dial(ctx, wire)
	if err != nil {
		return nil, err
	}
	p := &peer{Carrier: c, wire: wire, sent: sent, answer: make(chan frame.Frame, 1), replies: make(chan frame.Frame, 1), ended: make(chan error, 1)}
	if !deaf {
		go p.read() // ends with the carrier, which the row closes
	}
	return p, nil
}

func (p *peer) read() {
	p.ended <- p.Receive(func(_ int, frames []byte) error {
		for len(frames) > 0 {
			var f frame.Frame
			n, err := f.Parse(frames)
			if err != nil {
				return err
			}
			frames = frames[n:]
			f.Payload, f.Name = bytes.Clone(f.Payload), bytes.Clone(f.Name)
			to := p.answer
			if f.Kind == frame.Reply {
				to = p.replies
			}
			select {
			case to <- f:
			default:
			}
		}
		return nil
	})
}

// write sends bytes on a lane, whatever they are.
func (p *peer) write(lane int, b []byte) error {
	if p.wire == "websocket" {
		lane = 0
	}
	p.sent.Add(int64(len(b)))
	return p.Send(lane, b)
}

// say sends frames of one lane, numbered, in batches.
func (p *peer) say(lane int, frames ...frame.Frame) error {
	var b []byte
	if !p.open[lane] && lane > 0 && p.wire != "websocket" {
		p.open[lane] = true
		b = frame.Append(b, &frame.Frame{Kind: frame.Attach, Lane: uint8(lane), ID: 1})
	}
	for _, f := range frames {
		f.Lane = uint8(lane)
		if f.Kind.Numbered() {
			f.Seq = p.seq[lane]
			p.seq[lane]++
		}
		if len(b) > 40<<10 {
			if err := p.write(lane, b); err != nil {
				return err
			}
			b = b[:0]
		}
		b = frame.Append(b, &f)
	}
	return p.write(lane, b)
}

// datagrams sends n datagrams. Before the first of the session the server has to
// be told that there may be some.
func (p *peer) datagrams(n int, next func() []byte) error {
	d, ok := p.Carrier.(transport.Datagrams)
	if !ok || d.DatagramSize() == 0 {
		return fmt.Errorf("%s has no datagrams", p.wire)
	}
	if p.seq[2] == 0 {
		begin := frame.Frame{Kind: frame.Topic, Flags: frame.Begin, ID: 1, Name: []byte("topic")}
		first := frame.Frame{Kind: frame.Event, Flags: frame.Versioned, ID: 1, Version: 1, Name: []byte("zoo.Event"), Payload: []byte("x")}
		if err := p.say(2, begin, first); err != nil {
			return err
		}
		p.version = 1
	}
	for range n {
		b := next()
		p.sent.Add(int64(len(b)))
		if err := d.SendDatagram(b); err != nil {
			return err
		}
	}
	return nil
}

// helloOf returns the payload of a hello.
func helloOf(extra func([]byte) []byte, n int) []byte {
	attempt := make([]byte, 16)
	_, _ = rand.Read(attempt)
	b := codec.AppendMapHeader(nil, 10+n)
	for _, v := range []struct {
		key string
		n   int64
	}{{"v", 1}, {"lanes", 5}, {"calls", 256}, {"msgs", 256}, {"large", 16 << 20}, {"streams", 100}, {"stream", 64 << 10}, {"max", 4 << 20}, {"names", 1024}} {
		b = codec.AppendInt(codec.AppendString(b, v.key), v.n)
	}
	b = codec.AppendBytes(codec.AppendString(b, "attempt"), attempt)
	if extra != nil {
		b = extra(b)
	}
	return b
}

// begin makes a session of the carrier.
func (p *peer) begin(features ...string) error {
	return p.beginWith(helloOf(func(b []byte) []byte {
		b = codec.AppendArrayHeader(codec.AppendString(b, "features"), len(features))
		for _, name := range features {
			b = codec.AppendString(b, name)
		}
		return b
	}, 1))
}

// ask sends a hello and returns the answer.
func (p *peer) ask(hello []byte) (frame.Frame, error) {
	if err := p.say(0, frame.Frame{Kind: frame.Hello, Payload: hello}); err != nil {
		return frame.Frame{}, err
	}
	select {
	case f := <-p.answer:
		return f, nil
	case err := <-p.ended:
		p.ended <- err
		return frame.Frame{}, err
	case <-time.After(5 * time.Second):
		return frame.Frame{}, errors.New("no answer to a hello")
	}
}

// beginWith makes a session of the carrier with a hello.
func (p *peer) beginWith(hello []byte) error {
	f, err := p.ask(hello)
	switch {
	case err != nil:
		return err
	case f.Kind != frame.Welcome:
		return fmt.Errorf("%v: %s", &f, f.Name)
	}
	p.welcome = f
	attach := frame.Frame{Kind: frame.Attach, ID: 1}
	if p.wire == "websocket" {
		attach.Flags = frame.AllLanes
	}
	return p.say(0, attach)
}

// refused returns nil if the server has ended the carrier in time, with one of
// the codes if there are any.
func (p *peer) refused(codes ...twinwire.Code) error {
	select {
	case err := <-p.ended:
		p.ended <- err
		var closed *transport.CloseError
		if len(codes) == 0 {
			return nil
		}
		if !errors.As(err, &closed) {
			return fmt.Errorf("the carrier ended with %v", err)
		}
		for _, code := range codes {
			if closed.Code == code {
				return nil
			}
		}
		return fmt.Errorf("the carrier was closed with %v", err)
	case <-time.After(8 * time.Second):
		return errors.New("the server let it be")
	}
}

// goOn sends until the server has had enough or time is over, and returns nil
// for both.
func goOn(ctx context.Context, f func() error) error {
	for ctx.Err() == nil {
		if f() != nil {
			return nil
		}
	}
	return nil
}

// press sends until the server has had enough, which it must have some time.
func press(f func() error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_ = goOn(ctx, f)
}
