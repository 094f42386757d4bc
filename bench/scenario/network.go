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

// Networks returns them: slow and fast, near and far, each with so much loss.
func Networks(losses ...float64) []Network {
	var all []Network
	for _, rate := range []int64{10e6, 100e6} {
		for _, trip := range []time.Duration{20 * time.Millisecond, 100 * time.Millisecond} {
			for _, loss := range losses {
				all = append(all, Network{rate, trip, loss})
			}
		}
	}
	return all
}

// Lossy is the network of the bars about loss: 100 Mbit/s and 40 ms.
func Lossy(loss float64) Network {
	return Network{Rate: 100e6, Trip: 40 * time.Millisecond, Loss: loss}
}

// String names the network for people and for -run.
func (n Network) String() string {
	return fmt.Sprintf("%dmbit-%dms-%g%%", n.Rate/1e6, n.Trip.Milliseconds(), n.Loss*100)
}

// config has a queue of one bandwidth-delay product each way.
func (n Network) config() *link.Config {
	return &link.Config{Path: link.Path{Rate: n.Rate, Delay: n.Trip / 2, Loss: n.Loss}, Seed: 1}
}

// MeasureLoad runs a load on a network, with a connection of its own.
func MeasureLoad(ctx context.Context, p peer.Peer, n Network, l Load) (_ Loaded, err error) {
	s, err := Start(ctx, p, n.config(), 0)
	if err != nil {
		return Loaded{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Load(ctx, l)
}
