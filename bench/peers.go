package main

import (
	"slices"

	"github.com/twinwire/twinwire/bench/echo"
	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/rival"
	"github.com/twinwire/twinwire/bench/subject"
)

// wires returns twinwire and what each wire reaches without it. What begins
// within a round rotates through this list.
func wires() []peer.Peer { return slices.Concat(subject.Peers(), echo.Peers()) }

// everything returns the other frameworks too.
func everything() []peer.Peer { return slices.Concat(wires(), rival.Peers()) }
