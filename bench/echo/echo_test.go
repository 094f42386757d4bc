package echo

import (
	"testing"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/peer/peertest"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestPeers(t *testing.T) {
	for _, p := range Peers() {
		t.Run(p.Info().Name, func(t *testing.T) { peertest.Test(t, p) })
	}
}

func TestNetworkPeers(t *testing.T) {
	for _, p := range NetworkPeers() {
		t.Run(p.Info().Name, func(t *testing.T) {
			if err := OffersBBR(); err != nil && p.Info().Wire == peer.TLSBBR {
				t.Skipf("the kernel offers this process no BBR (modprobe tcp_bbr; sysctl net.ipv4.tcp_allowed_congestion_control): %v", err)
			}
			peertest.Test(t, p)
		})
	}
}
