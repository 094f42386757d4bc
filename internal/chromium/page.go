package chromium

import (
	"net/http"
	"sync"
)

// A page is one run of tests.
type page struct {
	// Set before it is served.
	binary, script string // files
	origin         string
	flags          []string
	host           http.Handler

	exited chan int // the code of the tests

	mu     sync.Mutex
	output []byte
}

// maxOutput bounds what is kept of the output, in bytes.
const maxOutput = 4 << 20

func (p *page) write(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.output) < maxOutput {
		p.output = append(p.output, b...)
	}
}

func (p *page) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.output)
}
