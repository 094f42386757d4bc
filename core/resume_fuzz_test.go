package core

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/transport/mem"
)

// What a stranger may have of a session that it wants to go on with.
const (
	hasToken   = 1 << iota // the one that is good
	hasSpent               // the one that was good before
	hasSession             // its id
	hasAttempt             // the attempt that the client goes on with
)

// Whoever presents a token, whatever its HELLO has besides and whatever comes
// with and behind the ATTACH: nothing panics, who does not have the token does
// not get the session, and the session goes on unless the token, or the one
// before it, was there (clauses 14.2 and 14.3).
func FuzzResume(f *testing.F) {
	attach := frame.Append(nil, &frame.Frame{Kind: frame.Attach, Flags: frame.AllLanes, ID: 2})
	call := frame.Append(attach, &frame.Frame{Kind: frame.Call, Lane: 1, ID: 1, Name: []byte("t.m")})
	nexts := []byte{0x95, 0, 0, 0, 0, 0} // of a session in which nothing was sent yet
	f.Add(byte(hasToken|hasSession|hasAttempt), nexts, []byte(nil), attach)
	f.Add(byte(hasToken|hasSession), nexts, []byte(nil), call)
	f.Add(byte(hasSpent|hasSession), nexts, []byte(nil), attach)
	f.Add(byte(hasSession), nexts, codec.AppendBytes(codec.AppendString(nil, "token"), make([]byte, 32)), attach)
	f.Add(byte(hasToken), []byte{0x91, 0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, []byte(nil), attach)
	f.Add(byte(hasToken|hasSession), []byte{0x98, 1, 1, 1, 1, 1, 1, 1, 1}, codec.AppendUint(codec.AppendString(nil, "lanes"), 1), []byte{0x02, 0x06, 0x00, 0x02})
	mux, err := NewMux(nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	cfg := &Config{
		Logger: slog.New(slog.DiscardHandler), Reconnect: func(*Session, error) {},
		Limits: &Limits{CloseTime: -1}, // nobody waits for an end that was cut off
	}
	f.Fuzz(func(t *testing.T, has byte, nexts, extra, behind []byte) {
		a, err := NewAcceptor(cfg)
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 3)
		running := 0
		dial := func() *mem.Carrier {
			near, far := mem.Pipe(&mem.Options{OnePipe: true})
			running++
			go func() { served <- a.Serve(far) }()
			return near
		}
		began := make(chan *Session, 1)
		a.Began = func(s *Session) { began <- s }
		offer, err := Greet(context.Background(), dial(), cfg, mux, ID{1})
		if err != nil {
			t.Fatal(err)
		}
		client := offer.Accept()
		server := <-began
		spent := client.keep.ticket
		if has&hasSpent != 0 { // the session has gone on once
			again, err := GreetAgain(context.Background(), dial(), client)
			if err != nil {
				t.Fatal(err)
			}
			if err := again.Resume(); err != nil {
				t.Fatal(err)
			}
			// An answer says that the ATTACH has arrived, which spends the token.
			if err := client.Call(context.Background(), "t.none", nil, nil); twinwire.CodeOf(err) != twinwire.NotImplemented {
				t.Fatal(err)
			}
		}
		client.mu.Lock()
		ticket := client.keep.ticket
		client.mu.Unlock()

		near := dial()
		answers := make(chan frame.Frame, 1)
		ended := make(chan error, 1)
		go func() {
			ended <- near.Receive(func(_ int, frames []byte) error {
				var f frame.Frame
				if _, err := f.Parse(frames); err != nil {
					t.Errorf("the server sent %x", frames)
				}
				select {
				case answers <- f:
				default:
				}
				return nil
			})
		}()
		hello := frame.Frame{Kind: frame.Hello, Payload: resumeHello(has, server.id, ticket, spent, nexts, extra)}
		if err := near.Send(0, frame.Append(nil, &hello)); err != nil { // too large for a carrier
			near.Close(twinwire.Accepted, "")
		}
		welcomed := false
		select {
		case f := <-answers:
			welcomed = f.Kind == frame.Welcome
		case err := <-ended:
			ended <- err
		}
		knows := has&hasToken != 0 && has&hasSession != 0
		if welcomed && !knows {
			t.Error("who did not know the token was welcomed")
		}
		if !welcomed && knows && has&hasSpent == 0 && bytes.Equal(nexts, []byte{0x95, 0, 0, 0, 0, 0}) && len(extra) == 0 {
			t.Error("who knew the token was not welcomed")
		}
		if welcomed {
			_ = near.Send(0, behind)
		}
		if !knows && has&hasSpent == 0 && server.Ending() {
			t.Errorf("who did not know the token has ended the session: %v", server.Err())
		}
		near.Close(twinwire.Accepted, "")
		<-ended
		server.CloseWith(twinwire.Accepted, "", 0)
		<-server.Done()
		client.CloseWith(twinwire.Accepted, "", 0)
		<-client.Done()
		for range running {
			<-served
		}
	})
}

// resumeHello is a HELLO of somebody who has some of what it takes. Extra is
// more of the map, as it may come.
func resumeHello(has byte, id ID, ticket, spent machine.Ticket, nexts, extra []byte) []byte {
	attempt := ID{7}
	if has&hasAttempt != 0 {
		attempt = ID(ticket.Attempt)
	}
	token := machine.Token{1}
	switch {
	case has&hasToken != 0:
		token = ticket.Token
	case has&hasSpent != 0:
		token = spent.Token
	}
	if has&hasSession == 0 {
		id[0]++
	}
	n := 8
	if len(extra) > 0 {
		n++
	}
	b := codec.AppendMapHeader(nil, n)
	b = codec.AppendInt(codec.AppendString(b, "v"), 1)
	b = codec.AppendInt(codec.AppendString(b, "lanes"), 5)
	b = codec.AppendInt(codec.AppendString(b, "max"), 1<<20)
	b = codec.AppendInt(codec.AppendString(b, "large"), 1<<20)
	b = codec.AppendBytes(codec.AppendString(b, "attempt"), attempt[:])
	b = codec.AppendBytes(codec.AppendString(b, "session"), id[:])
	b = codec.AppendBytes(codec.AppendString(b, "token"), token[:])
	b = append(codec.AppendString(b, "nexts"), nexts...)
	return append(b, extra...)
}
