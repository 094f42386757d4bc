package main

import (
	"slices"

	"github.com/twinwire/twinwire/bench/echo"
	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/subject"
)

// peers returns everything that is measured. What begins within a round
// rotates through this list.
func peers() []peer.Peer {
	return slices.Concat(subject.Peers(), echo.Peers())
}
