//go:build !race

// The race detector has nothing to find here that could be mended here, and is
// slow in other people's code.

package centrifugeecho

import (
	"testing"

	"github.com/twinwire/twinwire/bench/peer/peertest"
)

// The server's exporter of metrics has no end, so goroutines are not counted.
// A call that is being sent while the server goes away may never end: the
// client's callback runs twice then, and waits.
func TestPeer(t *testing.T) { peertest.Test(t, Peer(), peertest.ServerCloses) }
