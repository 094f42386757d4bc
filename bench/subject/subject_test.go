package subject

import (
	"slices"
	"testing"

	"github.com/twinwire/twinwire/bench/peer/peertest"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestPeers(t *testing.T) {
	for _, p := range slices.Concat(Peers(), NetworkPeers()) {
		t.Run(p.Info().Name, func(t *testing.T) { peertest.Test(t, p) })
	}
}
