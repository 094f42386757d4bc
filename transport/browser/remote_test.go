//go:build js

package browser_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall/js"
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/transporttest"
)

// A remote is the server's end of a pair, which the host has. It is a
// transport.Carrier.
type remote struct {
	socket js.Value
	events []js.Func
	told   chan []byte   // the URL
	gone   chan struct{} // closed when the host is
	info   transport.Info

	mu      sync.Mutex
	last    uint32
	answers map[uint32]chan error
	deliver func(lane int, frames []byte) error
	failed  error // of deliver
	running sync.WaitGroup
}

// meet asks the host for the server's end of a pair, and returns it with where
// to dial.
func meet(t *testing.T, wire string, o transporttest.Options) (r *remote, where string) {
	t.Helper()
	url := fmt.Sprintf("ws%s/pair?wire=%s&timeout=%v&loss=%v", strings.TrimPrefix(os.Getenv("TWINWIRE_TEST_HOST"), "http"), wire, o.SendTimeout, o.Loss)
	r = &remote{
		socket: js.Global().Get("WebSocket").New(url), told: make(chan []byte, 1), gone: make(chan struct{}),
		answers: make(map[uint32]chan error),
	}
	r.socket.Set("binaryType", "arraybuffer")
	r.on("onmessage", func(event js.Value) {
		b := make([]byte, event.Get("data").Get("byteLength").Int())
		js.CopyBytesToGo(b, js.Global().Get("Uint8Array").New(event.Get("data")))
		r.message(b)
	})
	r.on("onclose", func(js.Value) { r.closed() })
	where = string(<-r.told)
	if where == "" {
		t.Fatal("the host does not answer")
	}
	return r, where
}

func (r *remote) on(event string, f func(event js.Value)) {
	h := js.FuncOf(func(_ js.Value, args []js.Value) any {
		f(args[0])
		return nil
	})
	r.socket.Set(event, h)
	r.events = append(r.events, h)
}

var errHost = errors.New("the host is gone")

// closed is told that the host has closed.
func (r *remote) closed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, answer := range r.answers {
		delete(r.answers, id)
		answer <- errHost
	}
	select {
	case r.told <- nil:
	default:
	}
	close(r.gone)
	for _, h := range r.events {
		h.Release()
	}
}

// message takes in what the host says.
func (r *remote) message(b []byte) {
	op, id, lane, payload, err := decode(b)
	if err != nil {
		panic(err)
	}
	switch op {
	case 'u':
		r.told <- payload
	case 'i':
		if _, err := fmt.Sscan(string(payload), &r.info.Wire, &r.info.Independent, &r.info.Secure, &r.info.LocalAddr, &r.info.RemoteAddr); err != nil {
			panic(err)
		}
	case 'r':
		r.mu.Lock()
		answer := r.answers[id]
		delete(r.answers, id)
		r.mu.Unlock()
		answer <- decodeError(payload)
	case 'd':
		r.running.Go(func() { // ends with deliver
			err := r.deliver(lane, payload)
			var e *transport.CloseError
			switch {
			case err == nil:
				r.say('a', id, 0, nil)
				return
			case errors.As(err, &e):
				r.say('a', id, 0, fmt.Appendf(nil, "closed %t %d %s", e.Remote, e.Code, e.Reason))
			default:
				r.say('a', id, 0, []byte("other"))
			}
			r.mu.Lock()
			r.failed = err
			r.mu.Unlock()
		})
	}
}

func (r *remote) say(op byte, id uint32, lane int, payload []byte) {
	b := encode(op, id, lane, payload)
	array := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(array, b)
	r.socket.Call("send", array)
}

// ask has the host do something, and returns its answer.
func (r *remote) ask(op byte, lane int, payload []byte) error {
	answer := make(chan error, 1)
	r.mu.Lock()
	r.last++
	id := r.last
	r.answers[id] = answer
	r.mu.Unlock()
	r.say(op, id, lane, payload)
	return <-answer
}

func (r *remote) Send(lane int, batch []byte) error { return r.ask('s', lane, batch) }

func (r *remote) Close(code twinwire.Code, reason string) { _ = r.ask('c', int(code), []byte(reason)) }

// Info is what the host has said of its carrier.
func (r *remote) Info() transport.Info { return r.info }

func (r *remote) Receive(deliver func(lane int, frames []byte) error) error {
	r.mu.Lock()
	again := r.deliver != nil
	if !again {
		r.deliver = deliver
	}
	r.mu.Unlock()
	err := r.ask('R', 0, nil)
	if again {
		return err
	}
	r.running.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(err, errAtHome) {
		return r.failed
	}
	return err
}

// stop ends it, and returns when the host has heard of it.
func (r *remote) stop() {
	r.socket.Call("close")
	<-r.gone
}
