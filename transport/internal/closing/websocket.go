package closing

import (
	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/transport"
)

// firstStatus and lastStatus are the statuses of a close frame that stand for
// codes (docs/protocol.md, clause 10.1).
const (
	firstStatus = 4000
	lastStatus  = 4999
)

// Status returns the status of a WebSocket's close frame for a code.
func Status(code twinwire.Code) int {
	return min(firstStatus+int(code), lastStatus)
}

// ByStatus returns the error for a close frame of the peer. Those below 4000
// (RFC 6455, section 7.4.1) are not twinwire's, but of what is between.
func ByStatus(status int, reason string) *transport.CloseError {
	var code twinwire.Code
	switch status {
	case 1000, 1001, 1005: // normal, going away, no status
		code = twinwire.Accepted
	case 1009: // message too big
		code = twinwire.TooLarge
	case 1011: // internal error
		code = twinwire.Internal
	case 1012, 1013: // service restart, try again later
		code = twinwire.Unavailable
	default:
		if status < firstStatus {
			code = twinwire.ProtocolError
		} else {
			code = twinwire.Code(status - firstStatus)
		}
	}
	return ByPeer(uint64(code), reason)
}
