// Package closing says how the end of a carrier is told to the peer: the code
// and the reason of docs/protocol.md, clauses 9.3 and 10.
package closing

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
)

// ByPeer returns the error for a close that the peer announced. A code out of
// range is read as Internal.
func ByPeer(code uint64, reason string) *transport.CloseError {
	if code > uint64(twinwire.MaxCode) {
		code = uint64(twinwire.Internal)
	}
	return &transport.CloseError{Code: twinwire.Code(code), Reason: Reason(reason), Remote: true}
}

// Local returns the error for a close by this side.
func Local(code twinwire.Code, reason string) *transport.CloseError {
	if code > twinwire.MaxCode {
		code = twinwire.Internal
	}
	return &transport.CloseError{Code: code, Reason: Reason(reason)}
}

// Violation returns the error for a peer that breaks the protocol in a way
// that the carrier sees. The text of err is sent to the peer.
func Violation(err error) *transport.CloseError {
	return Local(twinwire.ProtocolError, err.Error())
}

// Undelivered says what follows from an error of deliver: what the peer is
// told. The text of an error that is no CloseError may hold anything, so the
// peer gets the code alone.
func Undelivered(err error) (twinwire.Code, string) {
	if e, ok := errors.AsType[*transport.CloseError](err); ok {
		return e.Code, e.Reason
	}
	return twinwire.ProtocolError, ""
}

// Reason returns s as it may travel: valid UTF-8 without control characters,
// cut at frame.MaxReason bytes.
func Reason(s string) string {
	ok := len(s) <= frame.MaxReason
	for i := 0; ok && i < len(s); i++ {
		ok = s[i] >= ' ' && s[i] < 0x7f
	}
	if ok {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) {
			r = ' '
		}
		if b.Len()+utf8.RuneLen(r) > frame.MaxReason {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
