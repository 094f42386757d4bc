package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/examples/chat/chat"
	"github.com/twinwire/twinwire/files"
	"github.com/twinwire/twinwire/server"
)

// demo runs a server and has three people use it, over both wires. It returns
// what did not happen as it should.
func demo(ctx context.Context, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	h, err := newHall()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	srv := newServer(h)
	// This certificate ends with the process. That of "chat server" is stored,
	// and its clients need no pins.
	development, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true})
	if err != nil {
		return err
	}
	srv.Certs, srv.Logger = development, slog.New(slog.DiscardHandler)
	l, err := server.Listen("localhost:0")
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- serve(serving, srv, l) }()
	defer func() {
		stop()
		err = errors.Join(err, <-served)
	}()
	s := &story{printer: &printer{out: out}, to: target{addr: fmt.Sprintf("localhost:%d", l.Port()), pins: development.Pins()}}
	s.printf("server: one port, two wires: TCP and UDP %d", l.Port())
	if err := s.play(ctx); err != nil {
		return err
	}
	s.printf("")
	s.printf("To talk yourself: go run ./examples/chat server, and in other terminals go run ./examples/chat client -nick NAME")
	return nil
}

// A story is what the demo plays.
type story struct {
	*printer
	to target
}

// A person is somebody in the story, who sees events one after another.
type person struct {
	*chat.ChatClient
	name string
	next func() (events.Delivery[chat.Event], bool)
	stop func()
}

// leave ends the session. The server needs no other word.
func (p *person) leave() {
	p.stop()
	p.Session().Close()
}

func (s *story) play(ctx context.Context) error {
	alice, err := s.connect(ctx, "alice", "quic")
	if err != nil {
		return err
	}
	defer alice.leave()
	bob, err := s.connect(ctx, "bob", "ws")
	if err != nil {
		return err
	}
	defer bob.leave()
	if err := s.talk(ctx, alice, bob); err != nil {
		return err
	}

	carol, err := s.connect(ctx, "carol", "auto")
	if err != nil {
		return err
	}
	defer carol.leave()
	if err := s.arrive(ctx, carol, alice, bob); err != nil {
		return err
	}
	if err := s.share(ctx, alice, carol, alice, bob); err != nil {
		return err
	}

	// A direct message, which nobody else sees.
	if err := bob.Tell(ctx, "carol", "what is in it?"); err != nil {
		return err
	}
	if err := s.sees(carol, chat.Whispered{From: "bob", Text: "what is in it?"}); err != nil {
		return err
	}

	carol.leave()
	for _, p := range []*person{alice, bob} {
		if err := s.sees(p, chat.Left{Nick: "carol"}); err != nil {
			return err
		}
	}
	nicks, err := alice.Who(ctx)
	if who := strings.Join(nicks, ", "); err != nil || who != "alice, bob" {
		return fmt.Errorf("who is here: %s, %v", who, err)
	}
	s.printf("alice:  here are alice, bob")
	return nil
}

// talk has two people meet, and a third be refused.
func (s *story) talk(ctx context.Context, alice, bob *person) error {
	if err := s.join(ctx, alice, alice); err != nil {
		return err
	}
	if err := s.join(ctx, bob, bob, alice); err != nil {
		return err
	}
	other, err := s.connect(ctx, "alice", "ws")
	if err != nil {
		return err
	}
	defer other.leave()
	if err := other.Join(ctx, "alice", "lobby"); !errors.Is(err, twinwire.AlreadyExists) {
		return fmt.Errorf("a second alice: got error %v, want one with AlreadyExists", err)
	} else {
		s.printf("server: a second alice is refused: %v", err)
	}
	if err := s.say(ctx, alice, "hello, bob", alice, bob); err != nil {
		return err
	}
	return s.say(ctx, bob, "hello, alice", bob, alice)
}

// arrive has somebody come later, and read what was said before.
func (s *story) arrive(ctx context.Context, carol *person, others ...*person) error {
	if err := s.join(ctx, carol, append(others, carol)...); err != nil {
		return err
	}
	var read []string
	for msg, err := range carol.History(ctx, 0) {
		if err != nil {
			return err
		}
		read = append(read, msg.From+": "+msg.Text)
	}
	if got, want := strings.Join(read, "; "), "alice: hello, bob; bob: hello, alice"; got != want {
		return fmt.Errorf("carol reads %q in the history, want %q", got, want)
	}
	s.printf("carol:  reads in the history: %s", strings.Join(read, "; "))
	return nil
}

// share has one person share a file and another one fetch it.
func (s *story) share(ctx context.Context, from, to *person, others ...*person) error {
	const name = "holiday.jpg"
	data := make([]byte, 2<<20)
	_, _ = rand.Read(data) // never fails
	hash := sha256.Sum256(data)
	if err := from.Share(ctx, files.Bytes(name, data), s.progress(from, "sends")); err != nil {
		return err
	}
	file := &chat.File{Name: name, Size: int64(len(data)), Hash: hash[:]}
	for _, p := range append(others, to) {
		if err := s.sees(p, chat.Message{From: from.name, File: file}); err != nil {
			return err
		}
	}

	path, err := os.MkdirTemp("", "twinwire-chat-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(path)
	dir, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	saved, err := to.Get(ctx, name, dir, maxFileBytes, s.progress(to, "fetches"))
	if err != nil {
		return err
	}
	got, err := dir.ReadFile(name)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, data) || !bytes.Equal(saved.Hash, hash[:]) {
		return fmt.Errorf("%s was saved otherwise than it was shared", name)
	}
	s.printf("%-7s has it, with the same hash: %x...", to.name+":", saved.Hash[:8])
	return nil
}

// progress prints when a transfer begins and when it ends.
func (s *story) progress(p *person, does string) func(files.Progress) {
	return func(at files.Progress) {
		if at.Done == 0 || at.Ended {
			s.printf("%-7s %s %v", p.name+":", does, at)
		}
	}
}

// join has a person join, and all who are there see it.
func (s *story) join(ctx context.Context, p *person, there ...*person) error {
	if err := p.Join(ctx, p.name, "lobby"); err != nil {
		return err
	}
	for _, other := range there {
		if err := s.sees(other, chat.Joined{Nick: p.name}); err != nil {
			return err
		}
	}
	return nil
}

// say has a person say something, and all who are there see it.
func (s *story) say(ctx context.Context, p *person, text string, there ...*person) error {
	if err := p.Say(ctx, text); err != nil {
		return err
	}
	for _, other := range there {
		if err := s.sees(other, chat.Message{From: p.name, Text: text}); err != nil {
			return err
		}
	}
	return nil
}

// sees waits for the next event that a person sees, and says what is wrong if
// it is another one.
func (s *story) sees(p *person, want chat.Event) error {
	got, ok := p.next()
	if !ok {
		return fmt.Errorf("%s waits for %T in vain", p.name, want)
	}
	ev := got.Event
	if msg, ok := ev.(chat.Message); ok {
		msg.At = time.Time{} // of the server's clock
		ev = msg
	}
	if got.Missed > 0 || !reflect.DeepEqual(ev, want) {
		return fmt.Errorf("%s sees %+v after %d others, want %+v", p.name, ev, got.Missed, want)
	}
	switch e := ev.(type) {
	case chat.Message:
		if e.File != nil {
			s.printf("%-7s sees %s share %s", p.name+":", e.From, e.File.Name)
			break
		}
		s.printf("%-7s sees %s say %q", p.name+":", e.From, e.Text)
	case chat.Whispered:
		s.printf("%-7s sees %s say to her alone %q", p.name+":", e.From, e.Text)
	case chat.Joined:
		s.printf("%-7s sees %s come", p.name+":", e.Nick)
	case chat.Left:
		s.printf("%-7s sees %s go", p.name+":", e.Nick)
	}
	return nil
}

// connect dials for a person.
func (s *story) connect(ctx context.Context, name, wire string) (*person, error) {
	to := s.to
	to.wire = wire
	c, err := to.dial(ctx)
	if err != nil {
		return nil, err
	}
	s.printf("%-7s connected over %s", name+":", c.Session().Transport().Wire)
	p := &person{ChatClient: c, name: name}
	p.next, p.stop = iter.Pull(c.Events(ctx))
	return p, nil
}
