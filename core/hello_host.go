//go:build !js

package core

import (
	"strconv"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// agree checks a client's hello against what this server speaks (clause 3.5)
// and returns the protocol version chosen.
func (h *hello) agree(own *Hello) (int64, error) {
	version := min(h.version, ProtocolVersion)
	switch {
	case version < h.minVersion:
		return 0, twinwire.NewError(twinwire.VersionMismatch, "protocol version "+strconv.FormatInt(h.minVersion, 10)+" is not spoken here, only "+strconv.Itoa(ProtocolVersion))
	case h.App != "" && own.App != "" && h.App != own.App:
		return 0, twinwire.NewError(twinwire.VersionMismatch, "this is application "+strconv.Quote(shorten(own.App)))
	case h.Version != "" && own.Version != "" && h.Version != own.Version:
		return 0, twinwire.NewError(twinwire.VersionMismatch, "application version "+strconv.Quote(shorten(own.Version))+" is spoken here, not the client's")
	}
	return version, nil
}

// shorten cuts a text so that it fits into a reason (clause 9.3).
func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

// refusal returns the REFUSE frame for an error (clause 3.7).
func refusal(err error) *frame.Frame {
	f := &frame.Frame{Kind: frame.Refuse, Code: uint16(twinwire.CodeOf(err)), Name: []byte(reason(err))}
	var refused *RefusedError
	if as(err, &refused) {
		if refused.RetryAfter > 0 {
			f.Flags |= frame.RetryAfter
			f.Millis = uint64(refused.RetryAfter.Milliseconds())
		}
		if refused.Never {
			f.Flags |= frame.Never
		}
		if refused.Authenticate {
			f.Flags |= frame.WantAuth
		}
	} else if twinwire.Code(f.Code) == twinwire.VersionMismatch {
		f.Flags |= frame.Never
	}
	return f
}
