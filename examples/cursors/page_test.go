package main

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/internal/chromium"
	"github.com/twinwire/twinwire/internal/leak"
	"github.com/twinwire/twinwire/server"
)

func TestMain(m *testing.M) { leak.Main(m) }

// serving serves a board and returns the address of its page.
func serving(t *testing.T) (b *board, url string) {
	t.Helper()
	b, err := newBoard()
	if err != nil {
		t.Fatal(err)
	}
	development, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	l, err := server.Listen("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := newServer(b)
	srv.Certs, srv.Logger, srv.LoopbackAddr = development, slog.New(slog.DiscardHandler), "localhost:0"
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		_ = srv.Close()
		if err := <-served; err != server.ErrClosed {
			t.Errorf("server: %v", err)
		}
		b.close()
	})
	for tick, late := time.Tick(time.Millisecond), time.After(10*time.Second); srv.LoopbackPort() == 0; {
		select {
		case <-tick:
		case <-late:
			t.Fatal("the page is not served")
		}
	}
	return b, fmt.Sprintf("http://localhost:%d/", srv.LoopbackPort())
}

// pointer waits until somebody else's pointer is at a place of the board.
func pointer(p *chromium.Window, name string, x, y int) {
	p.Await(fmt.Sprintf(`[...document.querySelectorAll('.cursor:not(.mine)')].some((e) => e.textContent === %q && e.style.left === '%g%%' && e.style.top === '%g%%')`, name, float64(x)/10, float64(y)/10))
}

// ink waits until something is drawn at a place, or nothing is.
func ink(p *chromium.Window, x, y int, there bool) {
	p.Await(fmt.Sprintf(`(() => {
		const c = document.querySelector('#canvas');
		const at = (v) => Math.round((v / 1000) * c.width);
		return (c.getContext('2d').getImageData(at(%d), at(%d), 1, 1).data[3] > 0) === %v;
	})()`, x, y, there))
}

// Two people see each other's pointers and what is drawn, by keyboard, while
// the wire of one is cut and moved.
func TestPage(t *testing.T) {
	b, url := serving(t)
	browser := chromium.Open(t)
	var people []*chromium.Window
	for _, name := range []string{"Anna", "Ben"} {
		p := browser.Window(url, 900, 700)
		p.Await(`document.querySelector('#wire').dataset.wire === 'webtransport'`)
		p.Eval(`document.querySelector('#name').focus(); document.querySelector('#name').select()`, nil)
		p.Type(name)
		p.Press("Enter") // the board has the focus then
		p.Await(`document.activeElement.id === 'board'`)
		people = append(people, p)
	}
	anna, ben := people[0], people[1]
	for _, p := range people {
		p.Await(`document.querySelectorAll('#people li').length === 2`)
	}

	anna.Press("ArrowRight", "ArrowRight", "ArrowDown") // from the middle
	pointer(ben, "Anna", 520, 510)
	ink(ben, 540, 510, false)
	anna.Press(" ", "ArrowRight", "ArrowRight", "ArrowRight", " ")
	pointer(ben, "Anna", 550, 510)
	ink(ben, 540, 510, true)

	// Ben loses WebTransport and goes on, then loses everything, and nothing is missing
	// when he is back.
	ben.Eval(`document.querySelector('#wire-webtransport').click()`, nil)
	ben.Await(`document.querySelector('#wire').dataset.wire === 'websocket'`)
	anna.Press(" ", "ArrowDown", "ArrowDown", " ")
	pointer(ben, "Anna", 550, 530)
	ink(ben, 550, 530, true)
	ben.Eval(`document.querySelector('#wire-websocket').click()`, nil)
	ben.Await(`document.querySelector('#wire').dataset.wire === 'none'`)
	anna.Press(" ", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft", " ")
	ben.Press("ArrowUp", " ", "ArrowUp", " ")
	ink(anna, 510, 530, true) // her own
	ink(anna, 500, 480, false)
	ben.Eval(`document.querySelector('#wire-webtransport').click()`, nil)
	ben.Await(`document.querySelector('#wire').dataset.wire === 'webtransport'`)
	pointer(ben, "Anna", 510, 530)
	pointer(anna, "Ben", 500, 480)
	ink(ben, 510, 530, true)
	ink(anna, 500, 480, true)

	// Who comes later sees what is there.
	late := browser.Window(url, 360, 740)
	ink(late, 500, 480, true)
	var overflow int
	late.Eval(`document.documentElement.scrollWidth`, &overflow)
	if overflow > 360 {
		t.Errorf("at a width of 360 pixels the page is %d wide", overflow)
	}
	anna.Eval(`document.querySelector('#clear').click()`, nil)
	for _, p := range []*chromium.Window{anna, ben, late} {
		ink(p, 500, 480, false)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines) != 0 || len(b.guests) != 3 || b.ids != 3 {
		t.Errorf("the board has %d lines, %d guests and %d ids", len(b.lines), len(b.guests), b.ids)
	}
}
