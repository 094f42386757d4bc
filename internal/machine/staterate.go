package machine

import "time"

// statePatience is how much later than the rest a peer's changes may seem to
// have been made: a wire that stood still delivers at once what was sent
// meanwhile (clause 5.7).
const statePatience = 90 * time.Second

// maxDeltas is how many changes of a state wait at most. Each takes some two
// hundred bytes besides its own.
const maxDeltas = 1024

// A flow is of changes of the peer, as how far they are ahead of the time that
// they are expected to take. The zero value is ready to use.
type flow struct {
	ahead   time.Duration // the time at which they would all be due
	replies uint64        // that have arrived by then
}

// leastStates is how many changes in a second every peer may send (clause 5.7).
const leastStates = 100

// next counts one change more: twice StateRate in a second are expected, if that
// is not less than a peer may send, and one for each reply, before which the peer
// sends what has changed (clause 5.7).
func (m *Machine) next(f *flow, reason string) error {
	if m.cfg.StateRate <= 0 {
		return nil
	}
	now := m.beat.heard
	each := time.Second / time.Duration(max(2*m.cfg.StateRate, leastStates))
	replied := time.Duration(min(m.in.replies-f.replies, uint64(statePatience/each)))
	f.ahead = max(f.ahead-replied*each, now) + each
	f.replies = m.in.replies
	if f.ahead-now > statePatience {
		return m.beyond(LimitStateRate, reason)
	}
	return nil
}
