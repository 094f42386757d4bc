package reflective

import (
	"fmt"
)

// A pathError is an error with the place in the type or the value.
type pathError struct {
	path string
	err  error
}

func (e *pathError) Error() string { return e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

// within puts a step of the way, such as ".Name", in front of the place that
// err tells of.
func within(step string, err error) error {
	if e, ok := err.(*pathError); ok {
		return &pathError{step + e.path, e.err}
	}
	return &pathError{step, err}
}

var (
	errDeep = fmt.Errorf("%w: nested more than %d deep", ErrInvalid, maxLevels)
	errUTF8 = fmt.Errorf("%w: string is not valid UTF-8", ErrInvalid)
)
