//go:build !race

// The race detector has nothing to find here that could be mended here, and is
// slow in other people's code.

package natsecho

import (
	"testing"

	"github.com/twinwire/twinwire/bench/peer/peertest"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestPeer(t *testing.T) { peertest.Test(t, Peer()) }
