// Package plain makes errors and texts without fmt, for packages that a page in a
// browser has too: with fmt it would be a third larger.
package plain

// Wrap returns an error that reads "text: cause" and wraps the cause.
func Wrap(text string, cause error) error { return &wrapped{text, cause} }

type wrapped struct {
	text  string
	cause error
}

func (e *wrapped) Error() string { return e.text + ": " + e.cause.Error() }
func (e *wrapped) Unwrap() error { return e.cause }

// Join returns an error that reads "first: second" and wraps both.
func Join(first, second error) error { return &joined{first, second} }

type joined struct{ first, second error }

func (e *joined) Error() string   { return e.first.Error() + ": " + e.second.Error() }
func (e *joined) Unwrap() []error { return []error{e.first, e.second} }
