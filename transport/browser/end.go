//go:build js

package browser

import "sync"

// An end is that of a carrier: why, and that it has come.
type end struct {
	come chan struct{} // closed when it has

	mu  sync.Mutex
	err error
}

func newEnd() end { return end{come: make(chan struct{})} }

// is sets why the carrier has ended, and reports whether this is the first
// reason. Only the first one counts.
func (e *end) is(err error) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return false
	}
	e.err = err
	close(e.come)
	return true
}

// cause returns what ended the carrier, nil before.
func (e *end) cause() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}
