package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/examples/chat/chat"
)

// patience is how long a client waits for an answer. While the connection is
// lost calls wait for the next one, as long as their context does.
const patience = 10 * time.Second

// A target is a server, and the wire to it.
type target struct {
	addr string
	wire string // auto, quic or ws
	pins []certs.Pin
}

// schemes are what an address begins with to choose a wire.
var schemes = map[string]string{"auto": "", "quic": "quic://", "ws": "wss://"}

// dial connects to the server. There is nothing to do for the time after that:
// if the wire breaks, the session goes on over the next one by itself.
func (t *target) dial(ctx context.Context) (*chat.ChatClient, error) {
	scheme, ok := schemes[t.wire]
	if !ok {
		return nil, fmt.Errorf("unknown wire %q: auto, quic and ws are known", t.wire)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	session, err := client.Dial(ctx, scheme+t.addr, &client.Options{Pins: t.pins})
	if err != nil {
		return nil, err
	}
	c, err := chat.NewClient(session)
	if err != nil {
		session.Close()
		return nil, err
	}
	return c, nil
}

// A terminal is the client of one person.
type terminal struct {
	*printer
	c    *chat.ChatClient
	nick string

	transfers sync.WaitGroup
}

// runClient connects and joins, and then does what the lines of in say, until
// one is /quit, there are no more, ctx is done or the session ends.
func runClient(ctx context.Context, to target, nick, room string, in io.Reader, out io.Writer) error {
	c, err := to.dial(ctx)
	var unreachable *client.DialError
	if errors.As(err, &unreachable) {
		return fmt.Errorf("%w\nis there a server? go run ./examples/chat server", err)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	t := &terminal{printer: &printer{out: out}, c: c, nick: nick}
	var showing sync.WaitGroup
	defer func() {
		c.Session().Close()
		cancel()
		showing.Wait()
	}()
	t.printf("* connected over %s; /help says what there is beside talking", c.Session().Transport().Wire)
	if err := t.join(ctx, room); err != nil {
		return fmt.Errorf("%w; -nick and -room choose other names", err)
	}
	showing.Go(func() { t.show(ctx) }) // ends with the session
	err = t.obey(ctx, in)
	if err != nil {
		cancel() // the transfers
	}
	t.transfers.Wait()
	return err
}

// obey does what the lines say.
func (t *terminal) obey(ctx context.Context, in io.Reader) error {
	done := make(chan struct{})
	defer close(done)
	lines := make(chan string)
	go func() { // ends with the input; a read that waits cannot be interrupted
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			select {
			case lines <- s.Text():
			case <-done:
				return
			}
		}
	}()
	for {
		select {
		case line, ok := <-lines:
			if !ok || line == "/quit" {
				return nil
			}
			if err := t.do(ctx, line); err != nil {
				t.printf("! %v", err)
			}
		case <-ctx.Done():
			return nil
		case <-t.c.Session().Done():
			return t.c.Session().Err()
		}
	}
}

const help = `/join ROOM       go to another room
/who             who is here
/msg NICK TEXT   say something to one person
/send FILE       share a file with the room
/get FILE        download a file that was shared, into this directory
/history [N]     what was said, or the last N messages of it
/quit            leave; every other line is said in the room`

// do does what one line says.
func (t *terminal) do(ctx context.Context, line string) error {
	command, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	switch command {
	case "/send":
		t.transfers.Go(func() { t.report(t.send(ctx, rest)) })
		return nil
	case "/get":
		t.transfers.Go(func() { t.report(t.get(ctx, rest)) })
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch command {
	case "":
		return nil
	case "/help":
		for line := range strings.Lines(help) {
			t.printf("* %s", strings.TrimSuffix(line, "\n"))
		}
		return nil
	case "/join":
		return t.join(ctx, rest)
	case "/who":
		return t.who(ctx)
	case "/msg":
		nick, text, _ := strings.Cut(rest, " ")
		return t.c.Tell(ctx, nick, text)
	case "/history":
		return t.history(ctx, rest)
	}
	if strings.HasPrefix(command, "/") {
		return fmt.Errorf("there is no %s; /help lists what there is", command)
	}
	return t.c.Say(ctx, line)
}

func (t *terminal) join(ctx context.Context, room string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := t.c.Join(ctx, t.nick, room)
	if err != nil {
		return err
	}
	t.printf("* you are %s, in the room %s", t.nick, room)
	return t.who(ctx)
}

func (t *terminal) who(ctx context.Context) error {
	nicks, err := t.c.Who(ctx)
	if err == nil {
		t.printf("* here: %s", strings.Join(nicks, ", "))
	}
	return err
}

func (t *terminal) history(ctx context.Context, last string) error {
	var n int
	if last != "" {
		if _, err := fmt.Sscan(last, &n); err != nil || n < 1 {
			return fmt.Errorf("%q is not a number of messages", last)
		}
	}
	for msg, err := range t.c.History(ctx, n) {
		if err != nil {
			return err
		}
		t.message(msg)
	}
	return nil
}

// show prints what happens, until the session ends.
func (t *terminal) show(ctx context.Context) {
	for ev := range t.c.Events(ctx) {
		if ev.Missed > 0 {
			t.printf("* %d messages were missed; /history has them", ev.Missed)
		}
		switch e := ev.Event.(type) {
		case chat.Message:
			if e.From != t.nick || e.File != nil { // own words are there already
				t.message(e)
			}
		case chat.Whispered:
			t.printf("%s, to you alone: %s", e.From, e.Text)
		case chat.Joined:
			if e.Nick != t.nick {
				t.printf("* %s has come", e.Nick)
			}
		case chat.Left:
			t.printf("* %s has gone", e.Nick)
		}
	}
}

func (t *terminal) message(m chat.Message) {
	at := m.At.Local().Format("15:04")
	if m.File != nil {
		t.printf("%s * %s shares a file of %d bytes: /get %s", at, m.From, m.File.Size, m.File.Name)
		return
	}
	t.printf("%s %s: %s", at, m.From, m.Text)
}

func (t *terminal) report(err error) {
	if err != nil {
		t.printf("! %v", err)
	}
}
