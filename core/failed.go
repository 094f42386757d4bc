package core

import (
	"errors"
	"runtime/debug"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/internal/plain"
)

// A PanicError is what a handler ended with that panicked. Its caller gets
// Internal, whatever the value is.
type PanicError struct {
	// Value is what it panicked with, Stack where.
	Value any
	Stack []byte
}

// Error returns the value as text.
func (e *PanicError) Error() string { return "handler panicked: " + plain.Text(e.Value) }

// panicked logs a panic of what serves r and returns it as an error.
func (s *Session) panicked(r *Request, v any) error {
	e := &PanicError{v, debug.Stack()}
	s.log.Error("twinwire: handler panicked", "session", s.id.String(), "method", r.method,
		"panic", plain.Text(v), "stack", string(e.Stack))
	return e
}

// failed asks the service what is to become of an error, and logs what the peer
// does not get to see.
func (s *Session) failed(r *Request, err error) error {
	if t, ok := r.in.Target.(*target); ok && t.service != none && s.openErr == nil && !r.refused {
		err = s.translate(t, r, err)
	}
	var panicked *PanicError
	if twinwire.CodeOf(err) == twinwire.Internal && !errors.Is(err, twinwire.Internal) && !r.oneWay && !as(err, &panicked) {
		s.log.Error("twinwire: handler failed", "session", s.id.String(), "method", r.method, "error", err)
	}
	return err
}

// translate calls Service.Failed. A panic of it is an error as well.
func (s *Session) translate(t *target, r *Request, err error) (translated error) {
	f := s.mux.services[t.service].Failed
	if f == nil {
		return err
	}
	defer func() {
		if v := recover(); v != nil {
			translated = s.panicked(r, v)
		}
	}()
	return f(r.context(), s.instances[t.service], r, err)
}
