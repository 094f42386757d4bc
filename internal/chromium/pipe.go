package chromium

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
)

// A pipe speaks the DevTools protocol: messages of JSON, each with a zero byte
// behind it. Its goroutine ends with the browser.
type pipe struct {
	in   *os.File // what the browser reads
	told func(session, method string, params json.RawMessage)
	done chan struct{}

	mu      sync.Mutex
	last    int
	waiting map[int]chan message // nil when the browser has ended
}

type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

var errEnded = errors.New("the browser has ended")

func newPipe(in, out *os.File, told func(session, method string, params json.RawMessage)) *pipe {
	p := &pipe{in: in, told: told, done: make(chan struct{}), waiting: make(map[int]chan message)}
	go p.read(out)
	return p
}

func (p *pipe) read(out *os.File) {
	defer close(p.done)
	for r := bufio.NewReader(out); ; {
		b, err := r.ReadBytes(0)
		if err != nil {
			break
		}
		var m message
		if json.Unmarshal(b[:len(b)-1], &m) != nil {
			continue // nothing that anybody waits for
		}
		if m.ID == 0 {
			p.told(m.Session, m.Method, m.Params)
			continue
		}
		p.mu.Lock()
		answer := p.waiting[m.ID]
		delete(p.waiting, m.ID)
		p.mu.Unlock()
		if answer != nil {
			answer <- m
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, answer := range p.waiting {
		close(answer)
	}
	p.waiting = nil
}

// call carries out one command. It waits until the browser answers or ends.
func (p *pipe) call(session, method string, params, result any) error {
	b, err := json.Marshal(params)
	if err != nil {
		return err
	}
	answer := make(chan message, 1)
	p.mu.Lock()
	if p.waiting == nil {
		p.mu.Unlock()
		return errEnded
	}
	p.last++
	m := message{ID: p.last, Session: session, Method: method, Params: b}
	p.waiting[m.ID] = answer
	b, err = json.Marshal(&m)
	if err == nil {
		_, err = p.in.Write(append(b, 0))
	}
	p.mu.Unlock()
	if err != nil {
		return err
	}
	switch got, ok := <-answer; {
	case !ok:
		return errEnded
	case got.Error != nil:
		return fmt.Errorf("%s: %s", method, got.Error.Message)
	case result != nil:
		return json.Unmarshal(got.Result, result)
	}
	return nil
}
