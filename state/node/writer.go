package node

import (
	"strconv"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/internal/plain"
)

// A Writer collects what is written and remembers the first error.
type Writer struct {
	B   []byte
	err error
	// stop ends the writing of slices, maps and structs early when B has become
	// so long, because what is written is then of no use; 0 is never.
	stop int
}

// A pathError is an error with the place in the value.
type pathError struct {
	path string
	err  error
}

func (e *pathError) Error() string { return e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

// Fail notes an error, unless there is one already.
func (w *Writer) Fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// At puts a step of the way in front of the place of an error, if there is one:
// ".Name" for a field, "[]" for an element or an entry.
func (w *Writer) At(step string) {
	if e, ok := w.err.(*pathError); ok {
		w.err = &pathError{step + e.path, e.err}
	} else if w.err != nil {
		w.err = &pathError{step, w.err}
	}
}

// Enter reports whether another array or map may be opened, and fails if not.
func (w *Writer) Enter(levels int) bool {
	if levels <= 0 {
		w.Fail(plain.Wrap("nested more than "+strconv.Itoa(MaxLevels)+" deep", codec.ErrLimit))
	}
	return w.err == nil
}

// Done reports whether there is no use in writing on.
func (w *Writer) Done() bool { return w.err != nil || w.stop > 0 && len(w.B) >= w.stop }

// DoneAt is Done, and At for the step if so.
func (w *Writer) DoneAt(step string) bool {
	if !w.Done() {
		return false
	}
	w.At(step)
	return true
}

// finish returns what was written, or b, what there was before, and the error.
func (w *Writer) finish(b []byte) ([]byte, error) {
	if w.err != nil {
		return b, w.err
	}
	return w.B, nil
}
