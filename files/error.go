package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/twinwire/twinwire"
)

var (
	// ErrMismatch means that a content has not the size or the hash that was
	// announced for it, or that its end states. Its code is FailedPrecondition.
	ErrMismatch = errors.New("content is not what was announced")
	// ErrPeer means that the peer broke clause 13. Its code is BadRequest.
	ErrPeer = errors.New("peer broke the protocol of files")
)

// An Error is what went wrong with one file. Errors of several are joined
// (errors.Join).
type Error struct {
	// Name is the name of the file.
	Name string
	// Err is what went wrong. It has a twinwire.Code, as the error of a call
	// does: what the peer said, or what happened here.
	Err error
}

// Error says of which file it speaks.
func (e *Error) Error() string { return fmt.Sprintf("file %q: %v", e.Name, e.Err) }

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// A coded is an error of this side's with the code and the text that the peer
// gets to see.
type coded struct {
	code  twinwire.Code
	what  string
	cause error // may say more; nil if there is nothing more to say
}

// Error leaves out the paths of the system: handlers return such errors to
// their callers.
func (e *coded) Error() string {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case e.cause == nil:
		return e.what
	case errors.As(e.cause, &path):
		return e.what + ": " + path.Op + ": " + path.Err.Error()
	case errors.As(e.cause, &link):
		return e.what + ": " + link.Op + ": " + link.Err.Error()
	}
	return e.what + ": " + e.cause.Error()
}

func (e *coded) Unwrap() (errs []error) {
	if e.code != twinwire.Internal { // which says nothing, and stays here
		errs = append(errs, e.code)
	}
	if e.cause != nil {
		errs = append(errs, e.cause)
	}
	return errs
}

// mismatch returns an ErrMismatch.
func mismatch(format string, args ...any) error {
	return &kindError{ErrMismatch, twinwire.FailedPrecondition, fmt.Sprintf(format, args...)}
}

// violation returns an ErrPeer.
func violation(what string) error {
	return &kindError{ErrPeer, twinwire.BadRequest, what}
}

// A kindError is one of the kinds of error of this package.
type kindError struct {
	kind error
	code twinwire.Code
	what string
}

func (e *kindError) Error() string   { return e.kind.Error() + ": " + e.what }
func (e *kindError) Unwrap() []error { return []error{e.kind, e.code} }

// A streamError is an error of the streams, which ends the whole conversation,
// among those of one file.
type streamError struct{ error }

func (e *streamError) Unwrap() error { return e.error }

// givenUp is the error of a transfer whose context is done.
func givenUp(ctx context.Context) error {
	return &coded{twinwire.CodeOf(ctx.Err()), "files given up", context.Cause(ctx)}
}

// local gives an error of a disk, or of a source, the code and the text for
// the peer: a fixed one, because paths are nobody else's business.
func local(what string, err error) error {
	var has twinwire.Code
	switch {
	case err == nil:
		return nil
	case errors.As(err, &has):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &coded{twinwire.ResourceExhausted, what + ": no space left", err}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return &coded{twinwire.PermissionDenied, what + ": not permitted", err}
	case errors.Is(err, fs.ErrNotExist):
		return &coded{twinwire.NotFound, what + ": not found", err}
	case errors.Is(err, fs.ErrExist):
		return &coded{twinwire.AlreadyExists, what + ": exists already", err}
	}
	return &coded{twinwire.Internal, what, err}
}

// outcomeOf returns how an error is told to the peer.
func outcomeOf(err error) outcome {
	code := twinwire.CodeOf(err)
	var c *coded
	var e *twinwire.Error
	var text string
	switch {
	case err == nil:
	case errors.As(err, &c):
		text = c.what
	case errors.As(err, &e):
		text = e.Message
	case code != twinwire.Internal:
		text = strings.TrimSuffix(strings.TrimSuffix(err.Error(), code.String()), ": ")
	}
	if len(text) > maxText {
		text = text[:maxText]
	}
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "")
	}
	return outcome{code, text}
}
