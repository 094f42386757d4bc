package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/examples/chat/chat"
	"github.com/twinwire/twinwire/files"
)

// The demo checks what it shows; here is that it shows all of it.
func TestDemo(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), nil, strings.NewReader(""), &out); err != nil {
		t.Fatalf("%v, after\n%s", err, &out)
	}
	rest := out.String()
	for _, want := range []string{
		`alice:  connected over quic`,
		`bob:    connected over websocket`,
		`alice:  sees bob come`,
		`server: a second alice is refused: the nickname "alice" is taken: already exists`,
		`bob:    sees alice say "hello, bob"`,
		`carol:  reads in the history: alice: hello, bob; bob: hello, alice`,
		`alice:  sends holiday.jpg .* 100 % of 2097152 bytes`,
		`carol:  fetches holiday.jpg .* 100 % of 2097152 bytes`,
		`carol:  has it, with the same hash: `,
		`carol:  sees bob say to her alone "what is in it\?"`,
		`alice:  sees carol go`,
		`alice:  here are alice, bob`,
	} {
		at := regexp.MustCompile(`(?m)^` + want).FindStringIndex(rest)
		if at == nil {
			t.Fatalf("the demo does not show %q where it should:\n%s", want, &out)
		}
		rest = rest[at[1]:]
	}
}

func TestNicknames(t *testing.T) {
	overWires(t, func(t *testing.T, w *world) {
		alice, other := w.join(t, "alice"), w.connect(t)
		for _, room := range []string{"lobby", "attic"} {
			if err := other.Join(w.ctx, "alice", room); !errors.Is(err, twinwire.AlreadyExists) {
				t.Errorf("a second alice in the %s: got error %v, want one with AlreadyExists", room, err)
			}
		}
		for _, name := range []string{"", "a/b", "a b", "ä", "\x1b[2J", strings.Repeat("a", maxName+1)} {
			if err := other.Join(w.ctx, name, "lobby"); !errors.Is(err, twinwire.BadRequest) {
				t.Errorf("nickname %q: got error %v, want one with BadRequest", name, err)
			}
			if err := other.Join(w.ctx, "other", name); !errors.Is(err, twinwire.BadRequest) {
				t.Errorf("room %q: got error %v, want one with BadRequest", name, err)
			}
		}
		if err := other.Say(w.ctx, "hello"); !errors.Is(err, twinwire.FailedPrecondition) {
			t.Errorf("to talk in no room: got error %v, want one with FailedPrecondition", err)
		}
		// Who takes another name, or another room, gives up the one before.
		if err := alice.Join(w.ctx, "alicia", "attic"); err != nil {
			t.Fatal(err)
		}
		if err := other.Join(w.ctx, "alice", "lobby"); err != nil {
			t.Errorf("a nickname that was given up: %v", err)
		}
		if nicks, err := other.Who(w.ctx); err != nil || !slices.Equal(nicks, []string{"alice"}) {
			t.Errorf("here are %v, %v, want alice", nicks, err)
		}
	})
}

// A process that is killed says goodbye to nobody.
func TestDisappear(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	overWires(t, func(t *testing.T, w *world) {
		alice := w.join(t, "alice")
		cmd := exec.CommandContext(w.ctx, exe, "-addr", w.addr, "-wire", w.wire, "-nick", "ghost", "-pin", w.pins[0].String())
		cmd.Env = append(os.Environ(), asChat+"=1")
		if _, err := cmd.StdinPipe(); err != nil { // stays open
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		w.await(t, alice, chat.Joined{Nick: "ghost"})
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		w.await(t, alice, chat.Left{Nick: "ghost"})
		if nicks, err := alice.Who(w.ctx); err != nil || !slices.Equal(nicks, []string{"alice"}) {
			t.Errorf("here are %v, %v, want alice", nicks, err)
		}
		if err := w.connect(t).Join(w.ctx, "ghost", "lobby"); err != nil {
			t.Errorf("the nickname is not free: %v", err)
		}
	})
}

func TestHistory(t *testing.T) {
	overWires(t, func(t *testing.T, w *world) {
		alice := w.join(t, "alice")
		text := func(i int) string { return fmt.Sprintf("%d %s", i, strings.Repeat("x", maxText-10)) }
		for i := range maxHistory + 10 {
			if err := alice.Say(w.ctx, text(i)); err != nil {
				t.Fatal(err)
			}
		}
		read := func(last, most int) (got []string) {
			t.Helper()
			for msg, err := range alice.History(w.ctx, last) {
				if err != nil {
					t.Fatal(err)
				}
				if got = append(got, msg.Text); len(got) == most {
					break
				}
			}
			return got
		}
		if all := read(0, -1); len(all) != maxHistory || all[0] != text(10) {
			t.Errorf("the history has %d messages and begins with %.10q, want the last %d", len(all), all[0], maxHistory)
		}
		w.handlerEnded(t, "chat.History")
		if got, want := read(2, -1), []string{text(maxHistory + 8), text(maxHistory + 9)}; !slices.Equal(got, want) {
			t.Errorf("the last two are %.10q, want %.10q", got, want)
		}
		w.handlerEnded(t, "chat.History")
		// The history is larger than what may wait to be read.
		if got := read(0, 3); len(got) != 3 {
			t.Errorf("%d messages, want 3", len(got))
		}
		w.handlerEnded(t, "chat.History")
		if err := alice.Say(w.ctx, "enough"); err != nil {
			t.Errorf("after the stream was broken off: %v", err)
		}
	})
}

func TestFiles(t *testing.T) {
	overWires(t, func(t *testing.T, w *world) {
		alice, bob := w.join(t, "alice"), w.join(t, "bob")
		dir, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		hash := sha256.Sum256(data)
		var sent, fetched files.Progress
		if err := alice.Share(w.ctx, files.Bytes("a.bin", data), func(p files.Progress) { sent = p }); err != nil {
			t.Fatal(err)
		}
		info, err := bob.Get(w.ctx, "a.bin", dir, maxFileBytes, func(p files.Progress) { fetched = p })
		if err != nil {
			t.Fatal(err)
		}
		if got, err := dir.ReadFile("a.bin"); err != nil || sha256.Sum256(got) != hash || !bytes.Equal(info.Hash, hash[:]) {
			t.Errorf("%d bytes were saved, with hash %x and error %v, want %x", len(got), info.Hash, err, hash)
		}
		for _, p := range []files.Progress{sent, fetched} {
			if !p.Ended || p.Err != nil || p.Done != int64(len(data)) {
				t.Errorf("the last word of the progress is %+v", p)
			}
		}
		for msg, err := range bob.History(w.ctx, 1) {
			if err != nil || msg.File == nil || msg.From != "alice" || !bytes.Equal(msg.File.Hash, hash[:]) {
				t.Errorf("the history has %+v, %v", msg, err)
			}
		}

		share := func(src files.Source) error { return alice.Share(w.ctx, src, nil) }
		get := func(name string, most int64) error {
			_, err := bob.Get(w.ctx, name, dir, most, nil)
			return err
		}
		large := files.Reader("large.bin", maxFileBytes+1, io.LimitReader(zeros{}, maxFileBytes+1))
		liar := files.Reader("liar.bin", files.Unknown, io.LimitReader(zeros{}, maxFileBytes+1))
		for _, c := range []struct {
			what string
			err  error
			code twinwire.Code
		}{
			{"share it again", share(files.Bytes("a.bin", data)), twinwire.AlreadyExists},
			{"share with a directory", share(files.Bytes("b/c.bin", data)), twinwire.BadRequest},
			{"share what is too large", share(large), twinwire.TooLarge},
			{"share what turns out to be too large", share(liar), twinwire.TooLarge},
			{"get what there is not", get("b.bin", maxFileBytes), twinwire.NotFound},
			{"get what is elsewhere", get("../1/a.bin", maxFileBytes), twinwire.NotFound},
			{"get what did not come", get("liar.bin", maxFileBytes), twinwire.NotFound},
			{"get it again", get("a.bin", maxFileBytes), twinwire.AlreadyExists},
			{"get more than is taken", get("a.bin", 1000), twinwire.TooLarge},
		} {
			if !errors.Is(c.err, c.code) {
				t.Errorf("%s: got error %v, want one with %v", c.what, c.err, c.code)
			}
		}
		if err := share(files.Bytes("liar.bin", data)); err != nil {
			t.Errorf("a name under which nothing came: %v", err)
		}
	})
}

// Rooms end with their last member, and their files with them.
func TestRoomsEnd(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.join(t, "alice"), w.connect(t)
	if err := alice.Share(w.ctx, files.Bytes("a.txt", []byte("a")), nil); err != nil {
		t.Fatal(err)
	}
	if err := alice.Join(w.ctx, "alice", "attic"); err != nil {
		t.Fatal(err)
	}
	if err := bob.Join(w.ctx, "bob", "lobby"); err != nil {
		t.Fatal(err)
	}
	for msg, err := range bob.History(w.ctx, 0) {
		t.Errorf("a new room remembers %+v, %v", msg, err)
	}
	left, err := filepath.Glob(filepath.Join(w.hall.dir, "*", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("files of a room that is gone: %v, %v", left, err)
	}
}

// The client, with what a person types and sees.
func TestTerminal(t *testing.T) {
	t.Chdir(t.TempDir())
	overWires(t, func(t *testing.T, w *world) {
		alice := w.open(t, "alice")
		alice.sees("you are alice, in the room lobby")
		bob := w.open(t, "bob")
		bob.sees("here: alice, bob")
		alice.sees("bob has come")
		alice.types("hello\x1b there")
		alice.sees("! a message is one line of text: bad request")
		alice.types("hello there")
		bob.sees("alice: hello there")
		bob.types("/msg alice psst")
		alice.sees("bob, to you alone: psst")
		bob.types("/msg zoe psst")
		bob.sees(`! there is nobody called "zoe": not found`)
		if err := os.WriteFile(w.wire+".txt", []byte("hello"), 0o600); err != nil {
			t.Fatal(err)
		}
		bob.types("/send " + w.wire + ".txt")
		alice.sees("bob shares a file of 5 bytes: /get " + w.wire + ".txt")
		alice.types("/get " + w.wire + ".txt")
		alice.sees("there is a file of this name")
		if err := os.Remove(w.wire + ".txt"); err != nil {
			t.Fatal(err)
		}
		alice.types("/get " + w.wire + ".txt")
		alice.sees(fmt.Sprintf("saved %s.txt, SHA-256 %x", w.wire, sha256.Sum256([]byte("hello"))))
		alice.types("/history 2")
		alice.sees("alice: hello there")
		alice.types("/dance")
		alice.sees("! there is no /dance; /help lists what there is")
		bob.types("/join attic")
		bob.sees("here: bob")
		alice.sees("bob has gone")
		bob.types("/quit")
		if err := <-bob.ended; err != nil {
			t.Errorf("bob: %v", err)
		}
		alice.in.Close() // the end of the input is as good
		if err := <-alice.ended; err != nil {
			t.Errorf("alice: %v", err)
		}
	})
}

// A screen is a client as a person sees it.
type screen struct {
	t     *testing.T
	in    *io.PipeWriter
	out   chan string // lines
	ended chan error
}

// open runs the client. What it prints waits until it is looked for.
func (w *world) open(t *testing.T, nick string) *screen {
	in, typed := io.Pipe()
	printed, out := io.Pipe()
	s := &screen{t: t, in: typed, out: make(chan string, 1000), ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(w.ctx)
	var running sync.WaitGroup
	running.Go(func() {
		s.ended <- run(ctx, []string{"-addr", w.addr, "-wire", w.wire, "-nick", nick, "-pin", w.pins[0].String()}, in, out)
		out.Close()
	})
	running.Go(func() {
		defer close(s.out)
		for lines := bufio.NewScanner(printed); lines.Scan(); {
			s.out <- lines.Text()
		}
	})
	t.Cleanup(func() {
		cancel()
		typed.Close()
		running.Wait()
	})
	return s
}

func (s *screen) types(line string) {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.in, line); err != nil {
		s.t.Fatal(err)
	}
}

// sees reads on to a line with a text.
func (s *screen) sees(text string) {
	s.t.Helper()
	for line := range s.out { // which ends with the client, and that with the world
		if strings.Contains(line, text) {
			return
		}
	}
	s.t.Fatalf("%q was not printed", text)
}

// zeros is an endless content.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
