package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twinwire/twinwire/examples/chat/chat"
	"github.com/twinwire/twinwire/internal/chromium"
)

// The page needs nothing but itself, and is not to be framed by another.
func TestPageFiles(t *testing.T) {
	for _, path := range []string{"/", "/built/app.js", "/built/app.css", "/icon.svg"} {
		w := httptest.NewRecorder()
		pageHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK || w.Body.Len() == 0 || w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s: status %d, %d bytes, header %v", path, w.Code, w.Body.Len(), w.Header())
		}
	}
}

// two opens the page for two people who are in the lobby.
func two(t *testing.T, w *world) (alice, bob *chromium.Window) {
	t.Helper()
	browser := chromium.Open(t)
	url := w.page(t)
	people := make([]*chromium.Window, 2)
	for i, nick := range []string{"alice", "bob"} {
		p := browser.Window(url, 1100, 700)
		p.Await(`document.querySelector('#join-wire').textContent === 'Connected over WebTransport'`)
		p.Type(nick) // the field has the focus
		p.Press("Enter")
		p.Await(`document.querySelector('#title').textContent === '#lobby'`)
		people[i] = p
	}
	return people[0], people[1]
}

// says types a message and sends it; the field has the focus.
func says(p *chromium.Window, text string) {
	p.Type(text)
	p.Press("Enter")
}

// sees waits for something in what was said.
func sees(p *chromium.Window, text string) {
	p.Await(fmt.Sprintf(`[...document.querySelectorAll('.log:not([hidden]) :is(.bubble, .notice)')].some((e) => e.textContent === %q)`, text))
}

func on(p *chromium.Window, wire string) {
	p.Await(fmt.Sprintf(`document.querySelector('#wire').dataset.wire === %q`, wire))
}

// Two people talk, and one of them has wires cut meanwhile: what is said
// arrives once, and the page says which wire is in use.
func TestPage(t *testing.T) {
	w := newPatientWorld(t, 20*time.Second)
	alice, bob := two(t, w)
	sees(alice, "bob has come")
	says(alice, "hello, bob")
	sees(bob, "hello, bob")
	terminal := w.join(t, "terry")
	if err := terminal.Say(w.ctx, "hello from a terminal"); err != nil {
		t.Fatal(err)
	}
	sees(alice, "hello from a terminal")

	// By keyboard: the button has the panel open, and the switch cuts the wire.
	bob.Eval(`document.querySelector('#wire').focus()`, nil)
	bob.Press("Enter")
	bob.Await(`document.querySelector('#panel').matches(':popover-open')`)
	bob.Eval(`document.querySelector('#wire-webtransport').focus()`, nil)
	bob.Press(" ")
	on(bob, "websocket")
	says(alice, "over another wire")
	sees(bob, "over another wire")
	bob.Eval(`document.querySelector('#wire-websocket').focus()`, nil)
	bob.Press(" ")
	on(bob, "none")
	bob.Eval(`document.querySelector('#text').focus()`, nil)
	says(bob, "said without a wire")
	says(alice, "said to nobody's wire")
	sees(alice, "said to nobody's wire")
	bob.Eval(`document.querySelector('#wire-webtransport').click()`, nil)
	on(bob, "webtransport")
	sees(alice, "said without a wire")
	sees(bob, "said to nobody's wire")
	for _, p := range []*chromium.Window{alice, bob} {
		var all []string
		p.Eval(`[...document.querySelectorAll('.bubble')].map((e) => e.textContent)`, &all)
		seen := make(map[string]int)
		for _, text := range all {
			seen[text]++
		}
		for _, text := range []string{"hello, bob", "over another wire", "said without a wire", "said to nobody's wire"} {
			if seen[text] != 1 {
				t.Errorf("%q is shown %d times in %q", text, seen[text], all)
			}
		}
	}

	// In private.
	alice.Eval(`document.querySelector('[data-key="@bob"]').click()`, nil)
	says(alice, "for you alone")
	bob.Await(`document.querySelector('[data-key="@alice"] .badge').textContent.startsWith('1')`)
	bob.Eval(`document.querySelector('[data-key="@alice"]').click()`, nil)
	sees(bob, "for you alone")
	bob.Eval(`document.querySelector('[data-key="#lobby"]').click()`, nil)

	// A file, while its wire is cut.
	path := filepath.Join(t.TempDir(), "picture.png")
	if err := os.WriteFile(path, bytes.Repeat([]byte("0123456789abcdef"), 200_000), 0o600); err != nil {
		t.Fatal(err)
	}
	alice.Upload("#file", path)
	alice.Eval(`document.querySelector('#cut').click()`, nil)
	bob.Await(`document.querySelector('.log:not([hidden]) .shared button')`)
	bob.Eval(`document.querySelector('.shared button').click()`, nil)
	bob.Eval(`document.querySelector('#cut').click()`, nil)
	bob.Await(`document.querySelector('.shared small').textContent === '3.2 MB · saved and verified'`)
	body, err := terminal.Fetch(w.ctx, "picture.png")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, body); err != nil || n != 3_200_000 {
		t.Errorf("the terminal fetched %d bytes, %v", n, err)
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}

	alice.Eval(`document.querySelector('#leave').click()`, nil)
	w.await(t, terminal, chat.Left{Nick: "alice"})
	sees(bob, "alice has gone")
}

// page returns the address of the page, once it is served.
func (w *world) page(t *testing.T) string {
	t.Helper()
	for tick := time.Tick(time.Millisecond); w.server.LoopbackPort() == 0; {
		select {
		case <-tick:
		case <-w.ctx.Done():
			t.Fatal("the page is not served")
		}
	}
	return fmt.Sprintf("http://localhost:%d/", w.server.LoopbackPort())
}
