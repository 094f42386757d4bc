// Package rival lists the frameworks that twinwire is put beside, each used the
// way its own documentation recommends.
package rival

import (
	"slices"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/rival/centrifugeecho"
	"github.com/twinwire/twinwire/bench/rival/connectecho"
	"github.com/twinwire/twinwire/bench/rival/drpcecho"
	"github.com/twinwire/twinwire/bench/rival/grpcecho"
	"github.com/twinwire/twinwire/bench/rival/jsonecho"
	"github.com/twinwire/twinwire/bench/rival/natsecho"
)

// Peers returns all of them.
func Peers() []peer.Peer {
	return slices.Concat(
		[]peer.Peer{grpcecho.Peer(), drpcecho.Peer(), natsecho.Peer(), jsonecho.Peer(), centrifugeecho.Peer()},
		connectecho.Peers(),
	)
}
