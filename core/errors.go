package core

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
	"github.com/twinwire/twinwire/transport"
)

// replaced is why a carrier is closed in whose place there is another.
const replaced = "session has begun on another carrier"

// as is errors.As; it keeps the call sites short.
func as[T error](err error, target *T) (ok bool) {
	*target, ok = errors.AsType[T](err)
	return ok
}

// text returns what an error says beside its code, for a peer: nothing for an
// error without a code of its own, whose text is this side's business.
func text(err error) string {
	code := twinwire.CodeOf(err)
	if code == twinwire.Internal && !errors.Is(err, twinwire.Internal) {
		return ""
	}
	var e *twinwire.Error
	s := err.Error()
	if as(err, &e) && e == err {
		return e.Message
	}
	// The code says its name itself, and those of package context say it too.
	for _, name := range []string{"context " + code.String(), code.String()} {
		if rest, ok := strings.CutSuffix(s, name); ok && (rest == "" || strings.HasSuffix(rest, ": ")) {
			return strings.TrimSuffix(rest, ": ")
		}
	}
	return s
}

// reason returns an error as the reason of a CLOSE or REFUSE (clause 9.3).
func reason(err error) string {
	var refused *RefusedError
	s := text(err)
	if as(err, &refused) {
		s = refused.Reason
	}
	if len(s) > frame.MaxReason {
		s = strings.ToValidUTF8(s[:frame.MaxReason], "")
	}
	return s
}

// printable returns a text of the peer with what does not belong into a log
// replaced.
func printable(b []byte) string {
	if utf8.Valid(b) && strings.IndexFunc(string(b), func(r rune) bool { return !strconv.IsPrint(r) }) < 0 {
		return string(b)
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(string(b), "?"))
}

// rejection returns the error that a reply stands for (clause 6.7), nil for
// success. The payload is copied.
func rejection(code twinwire.Code, payload []byte) error {
	if code == twinwire.Accepted {
		return nil
	}
	message, details := machine.ParseRejection(payload)
	if len(message) == 0 && len(details) == 0 {
		return &twinwire.Error{Code: code}
	}
	e := &twinwire.Error{Code: code, Message: printable(message)}
	if len(details) > 0 {
		e.Details = append([]byte(nil), details...)
	}
	return e
}

// rejected returns the code and the payload with which a handler's error is
// answered.
func rejected(err error) (code uint16, payload []byte) {
	var e *twinwire.Error
	var details []byte
	if as(err, &e) {
		details = e.Details
	}
	return uint16(twinwire.CodeOf(err)), machine.Rejection(text(err), details)
}

// badMethod is the error of a call whose method nobody can have.
func badMethod(name string) error {
	return twinwire.NewError(twinwire.BadRequest, strconv.Quote(name)+" cannot be the name of a method")
}

// tooLarge is the error of what has n bytes and may have most.
func tooLarge(what string, n, most int) error {
	return twinwire.NewError(twinwire.TooLarge, what+" of "+strconv.Itoa(n)+" bytes is over the limit of "+strconv.Itoa(most))
}

// carrierError returns the cause of the end of a carrier as an error with a
// code.
func carrierError(err error) error {
	var closed *transport.CloseError
	if as(err, &closed) || twinwire.CodeOf(err) != twinwire.Internal {
		return err
	}
	return &lostError{err}
}

// A lostError is a carrier that broke.
type lostError struct{ cause error }

func (e *lostError) Error() string   { return "connection lost: " + e.cause.Error() }
func (e *lostError) Unwrap() []error { return []error{twinwire.Unavailable, e.cause} }
