//go:build !js

package client

import (
	"testing"
	"time"
)

// A pipe is a session whose transfer moves so many bytes in a sample on each
// wire.
type pipe struct {
	comparison
	t      *testing.T
	rate   [2]uint64
	stuck  bool // moves fail
	at     int
	moves  int
	passed uint64
	now    time.Time
}

func newPipe(t *testing.T, first, second uint64) *pipe {
	p := &pipe{t: t, rate: [2]uint64{first, second}, now: time.Unix(0, 0)}
	p.enter(comparisonWatches)
	return p
}

// run takes samples, and moves as it is told to.
func (p *pipe) run(d time.Duration) {
	for range int(d / sampleTime) {
		p.now = p.now.Add(sampleTime)
		p.passed += p.rate[p.at]
		before := p.want
		if want := p.step(p.at, p.passed, p.now); want != p.at && want != before && !p.stuck {
			p.at, p.moves = want, p.moves+1
		}
	}
}

func (p *pipe) expect(what string, at, moves int) {
	p.t.Helper()
	if p.at != at || p.moves != moves {
		p.t.Errorf("%s: on wire %d after %d moves, want %d after %d", what, p.at, p.moves, at, moves)
	}
}

const mega = 1 << 20

// The second wire is kept only where it is much faster.
func TestComparisonJudges(t *testing.T) {
	for _, test := range []struct {
		name          string
		first, second uint64
		at, moves     int
	}{
		{"much faster", mega, 2 * mega, secondWire, 1},
		{"a little faster", mega, mega * 4 / 3, firstWire, 2},
		{"slower", mega, mega / 2, firstWire, 2},
		{"hardly anything", mega, 100, firstWire, 2},
		{"nothing large", 20 << 10, mega, firstWire, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPipe(t, test.first, test.second)
			p.run(20 * time.Second)
			p.expect("after 20 s", test.at, test.moves)
			p.run(25 * time.Second)
			if test.second < busyBytes {
				test.moves += 2 // as if the transfer had ended: it was tried again
			}
			p.expect("after 45 s", test.at, test.moves)
		})
	}
}

// When the transfer ends the session goes back, and the next one has the same
// wire without a comparison, for as long as the verdict counts.
func TestComparisonEnds(t *testing.T) {
	p := newPipe(t, mega, 3*mega)
	p.run(20 * time.Second)
	p.expect("in a transfer", secondWire, 1)
	was := p.rate
	p.rate = [2]uint64{}
	p.run(4 * time.Second)
	p.expect("a break", secondWire, 1)
	p.run(2 * time.Second)
	p.expect("the end", firstWire, 2)
	p.rate = was
	p.run(3 * time.Second)
	p.expect("the next transfer", secondWire, 3)
	if p.phase != comparisonWatches {
		t.Errorf("it compares again")
	}
	p.rate = [2]uint64{3 * mega, mega}
	p.run(verdictTime)
	p.expect("when the first is faster", firstWire, 4)
	p.run(time.Minute)
	p.expect("and then", firstWire, 4)
}

// A wire that cannot be had is tried again after five minutes.
func TestComparisonCannotMove(t *testing.T) {
	p := newPipe(t, mega, 3*mega)
	p.stuck = true
	p.run(time.Minute)
	if p.want != firstWire {
		t.Error("a session that cannot move is to be elsewhere")
	}
	p.stuck = false
	p.run(3 * time.Minute)
	p.expect("soon", firstWire, 0)
	p.run(2 * time.Minute)
	p.expect("later", secondWire, 1)
}

// A session that loses its carrier and finds itself on the second wire is not
// held there, but by a verdict.
func TestComparisonMoved(t *testing.T) {
	p := newPipe(t, 3*mega, mega)
	p.run(20 * time.Second)
	p.expect("compared", firstWire, 2)
	p.at = secondWire
	p.run(sampleTime)
	if p.want != firstWire {
		t.Error("it is held where it has come to")
	}
	p = newPipe(t, mega, 3*mega)
	p.run(20 * time.Second)
	p.expect("compared", secondWire, 1)
	p.at = firstWire
	p.run(4 * time.Second)
	p.expect("lost", secondWire, 2)
}
