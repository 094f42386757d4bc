// Package twinwire holds the vocabulary that both ends of a twinwire session
// share: the outcome codes and the error that carries one.
//
// A program does not start here. Servers import twinwire/server, clients
// import twinwire/client; this package is what their errors are made of.
//
// A [Code] is itself an error, as syscall.Errno is. A handler returns one
// alone or wrapped,
//
//	return fmt.Errorf("room %q: %w", name, twinwire.NotFound)
//
// and on both sides of the wire errors.Is(err, twinwire.NotFound) holds. What
// a handler returns without a code reaches its caller as [Internal] and
// nothing more; the text stays in the server's log.
package twinwire

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// A Code is the outcome of a call, a message or a session. Codes 0 to 5 are
// the outcomes of a reply, 6 to 1023 belong to twinwire, 1024 to 4095 to the
// application (docs/protocol.md, clause 9.1).
type Code uint16

const (
	// Accepted is success. It is never an error.
	Accepted Code = 0
	// Rejected is a refusal by the application that needs no further word.
	Rejected Code = 1
	// NotImplemented means that the peer knows no such method.
	NotImplemented Code = 2
	// Unauthorized means that the caller has not proved who it is.
	Unauthorized Code = 3
	// BadRequest means that the arguments could not be understood.
	BadRequest Code = 4
	// Internal means that the handler failed without saying why.
	Internal Code = 5

	// Canceled means that the caller gave up; it matches context.Canceled.
	Canceled Code = 6
	// DeadlineExceeded means that the time for the call ran out; it matches
	// context.DeadlineExceeded.
	DeadlineExceeded Code = 7
	// NotFound means that what was named does not exist.
	NotFound Code = 8
	// AlreadyExists means that what was to be made exists.
	AlreadyExists Code = 9
	// PermissionDenied means that the caller is known and may not.
	PermissionDenied Code = 10
	// ResourceExhausted means that a limit or a quota was reached.
	ResourceExhausted Code = 11
	// FailedPrecondition means that the system is not in the state that the
	// call needs.
	FailedPrecondition Code = 12
	// Unavailable means that the call did not run because the peer cannot be
	// reached or takes no new work. Trying again is safe.
	Unavailable Code = 13
	// OutcomeUnknown means that the connection died after the call was sent
	// and before its answer came: it ran once or not at all, and nobody can
	// know which.
	OutcomeUnknown Code = 14
	// ProtocolError means that the peer broke docs/protocol.md.
	ProtocolError Code = 15
	// VersionMismatch means that the two ends do not speak the same version
	// of the protocol or of the application.
	VersionMismatch Code = 16
	// TooLarge means that a message, a name or a value is over its limit.
	TooLarge Code = 17
	// SlowConsumer means that a session was ended because it did not keep up
	// with what it had asked for.
	SlowConsumer Code = 18
	// PeerDead means that nothing was heard from the peer for too long.
	PeerDead Code = 19
	// Replaced means that another carrier took over.
	Replaced Code = 20
	// Expired means that the credentials of a session were not renewed in
	// time, or that credentials are not good any more.
	Expired Code = 21
	// TakenOver means that the client has begun another session, and may have
	// one only.
	TakenOver Code = 22

	// FirstApplicationCode is the lowest code that an application may define.
	FirstApplicationCode Code = 1024
	// MaxCode is the highest code there is.
	MaxCode Code = 4095
)

var codeNames = [...]string{
	Accepted:           "accepted",
	Rejected:           "rejected",
	NotImplemented:     "not implemented",
	Unauthorized:       "unauthorized",
	BadRequest:         "bad request",
	Internal:           "internal error",
	Canceled:           "canceled",
	DeadlineExceeded:   "deadline exceeded",
	NotFound:           "not found",
	AlreadyExists:      "already exists",
	PermissionDenied:   "permission denied",
	ResourceExhausted:  "resource exhausted",
	FailedPrecondition: "failed precondition",
	Unavailable:        "unavailable",
	OutcomeUnknown:     "outcome unknown",
	ProtocolError:      "protocol error",
	VersionMismatch:    "version mismatch",
	TooLarge:           "too large",
	SlowConsumer:       "slow consumer",
	PeerDead:           "peer dead",
	Replaced:           "replaced by another carrier",
	Expired:            "credentials expired",
	TakenOver:          "taken over by another session",
}

// String returns the name of c, such as "not found", or "code 1024" where it
// has none.
func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "code " + strconv.Itoa(int(c))
}

// Error returns c.String(). It makes a Code an error; Accepted must not be
// used as one.
func (c Code) Error() string { return c.String() }

// Is reports whether target is the context error that c stands for.
func (c Code) Is(target error) bool {
	return c == Canceled && target == context.Canceled ||
		c == DeadlineExceeded && target == context.DeadlineExceeded
}

// An Error is a code with what the peer said about it. A handler that returns
// one has all of it sent to the caller.
type Error struct {
	// Code is what kind of failure it is. It is not Accepted.
	Code Code
	// Message is for people; at most 1,024 bytes of it travel.
	Message string
	// Details is one MessagePack value of the application's choice, or nil;
	// at most 4,096 bytes. Longer details do not travel.
	Details []byte
}

// Error returns the message and the code.
func (e *Error) Error() string {
	switch e.Message {
	case "", e.Code.String():
		return e.Code.String()
	}
	return e.Message + ": " + e.Code.String()
}

// Unwrap returns e.Code, so that errors.Is(e, twinwire.NotFound) holds.
func (e *Error) Unwrap() error { return e.Code }

// NewError returns an *[Error] with the given code and message.
func NewError(code Code, message string) error { return &Error{Code: code, Message: message} }

// Errorf returns an *[Error] with the given code and the formatted message. In
// a page, which fmt makes a third larger, [NewError] is the better choice.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of err: Accepted for nil, the Code found in its
// chain, Canceled and DeadlineExceeded for the context's errors, and Internal
// for any other.
func CodeOf(err error) Code {
	if err == nil {
		return Accepted
	}
	code, ok := errors.AsType[Code](err)
	switch {
	case ok && code != Accepted && code <= MaxCode:
		return code
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return DeadlineExceeded
	}
	return Internal
}
