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

// What browsers say of a page that was left, and programs that stop.
const (
	normalClosure = 1000
	goingAway     = 1001
	noStatus      = 1005
)

// Status returns the status of a WebSocket's close frame for a code.
func Status(code twinwire.Code) int {
	return min(firstStatus+int(code), lastStatus)
}

// ByStatus returns the error for a close frame of the peer, nil if that does not
// close the carrier but breaks it: statuses below 4000 (RFC 6455, section 7.4.1)
// are not twinwire's, but of what is between, of libraries, and of browsers, from
// which a server learns that a page was left.
func ByStatus(status int, reason string, byClient bool) *transport.CloseError {
	switch {
	case status >= firstStatus:
		return ByPeer(uint64(status-firstStatus), reason)
	case byClient && (status == normalClosure || status == goingAway || status == noStatus):
		return ByPeer(uint64(twinwire.Accepted), reason)
	}
	return nil
}
