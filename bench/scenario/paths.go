package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twinwire/twinwire/bench/link"
	"github.com/twinwire/twinwire/bench/peer"
)

// A Network is one of those over which wires are compared.
type Network struct {
	Rate int64         // bits a second
	Trip time.Duration // there and back
	Loss float64       // of each direction
}

// Networks returns them: slow and fast, near and far, without loss and with
// more and more of it.
func Networks() []Network {
	var all []Network
	for _, rate := range []int64{10e6, 100e6} {
		for _, trip := range []time.Duration{20 * time.Millisecond, 100 * time.Millisecond} {
			for _, loss := range []float64{0, 0.01, 0.02, 0.05} {
				all = append(all, Network{rate, trip, loss})
			}
		}
	}
	return all
}

// String names the network for people and for -run.
func (n Network) String() string {
	return fmt.Sprintf("%dmbit-%dms-%g%%", n.Rate/1e6, n.Trip.Milliseconds(), n.Loss*100)
}

// config has a queue of one bandwidth-delay product each way.
func (n Network) config() *link.Config {
	return &link.Config{Path: link.Path{Rate: n.Rate, Delay: n.Trip / 2, Loss: n.Loss}, Seed: 1}
}

// MeasureNetwork measures calls of a peer that can do streams of bytes while one
// stream after another goes to the server. They run for start before they are
// measured.
func MeasureNetwork(ctx context.Context, p peer.Peer, n Network, start, measure time.Duration) (_ Loaded, err error) {
	s, err := Start(ctx, p, n.config())
	if err != nil {
		return Loaded{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Load(ctx, Load{Streams: 1, Size: slowSize, Calls: true, Start: start, Measure: measure})
}
