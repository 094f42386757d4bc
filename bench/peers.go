package main

import (
	"github.com/twinwire/twinwire/bench/echo"
	"github.com/twinwire/twinwire/bench/peer"
)

// peers returns everything that is measured. What begins within a round
// rotates through this list.
func peers() []peer.Peer {
	return echo.Peers()
}
