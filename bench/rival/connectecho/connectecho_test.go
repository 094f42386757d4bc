//go:build !race

// The race detector has nothing to find here that could be mended here, and is
// slow in other people's code.

package connectecho

import (
	"testing"

	"github.com/twinwire/twinwire/bench/peer/peertest"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestPeers(t *testing.T) {
	for _, p := range Peers() {
		t.Run(p.Info().Name, func(t *testing.T) { peertest.Test(t, p) })
	}
}
