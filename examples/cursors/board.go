package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/examples/cursors/cursors"
	"github.com/twinwire/twinwire/state"
)

// What the server holds is bounded, whatever clients do.
const (
	maxPeople = 64
	maxName   = 20      // characters
	maxPoints = 512     // of one line, x and y counted apart
	maxDrawn  = 1 << 18 // of all lines together
	colors    = 6
	widths    = 3
)

// A board is the server's side: who is there, and what was drawn.
type board struct {
	hub    *events.Hub
	emit   events.Emitter[cursors.Event] // of the hub
	people *state.Shared[cursors.People]

	// mu is held while events are emitted, which waits for nobody: lines and
	// events have the same order.
	mu     sync.Mutex
	guests map[*guest]struct{} // who has entered
	ids    uint32              // given so far
	lines  []cursors.Drawn
	drawn  uint32 // the number of the last line
	points int    // in lines
}

// boardTopic is that of lines. The pointer of each person has a topic of its
// own, of which the newest event counts: it travels by datagram where it can.
const (
	boardTopic   events.Topic = "board"
	pointerTopic string       = "pointer/"
)

func topicOf(id uint32) events.Topic { return events.Topic(fmt.Sprint(pointerTopic, id)) }

func overflow(t events.Topic) core.Overflow {
	if strings.HasPrefix(string(t), pointerTopic) {
		return core.Latest
	}
	return core.DropOldest
}

func newBoard() (*board, error) {
	people, err := state.NewShared(cursors.PeopleName, cursors.PeopleSchema(), cursors.People{}, nil)
	if err != nil {
		return nil, err
	}
	b := &board{hub: events.NewHub(&events.Options{Overflow: overflow}), people: people, guests: make(map[*guest]struct{})}
	b.emit = events.EmitterOf[cursors.Event](b.hub)
	return b, nil
}

// close closes the board, once the server is closed.
func (b *board) close() {
	b.hub.Close()
	b.people.Close()
}

// enterLocked gives a guest an id, and has everybody follow everybody's pointer.
func (b *board) enterLocked(g *guest) error {
	if len(b.guests) == maxPeople {
		return twinwire.Errorf(twinwire.ResourceExhausted, "all %d places at the board are taken", maxPeople)
	}
	b.ids++
	g.id = b.ids
	if err := g.s.Subscribe(boardTopic); err != nil {
		return err
	}
	for other := range b.guests {
		if err := g.s.Subscribe(topicOf(other.id)); err != nil {
			return err
		}
		// It fails for one that has ended, which leaves by itself.
		_ = other.s.Subscribe(topicOf(g.id))
	}
	b.guests[g] = struct{}{}
	return nil
}

// leave forgets a guest whose session has ended.
func (b *board) leave(g *guest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g.id == 0 {
		return
	}
	delete(b.guests, g)
	for other := range b.guests {
		other.s.Unsubscribe(topicOf(g.id))
	}
	b.show(func(p *cursors.People) { delete(p.People, g.id) })
}

// show changes what all see of who is there.
func (b *board) show(change func(p *cursors.People)) {
	// It fails for a value that cannot be carried, which these can.
	_ = b.people.Update(func(p *cursors.People) {
		if p.People == nil {
			p.People = make(map[uint32]cursors.Person)
		}
		change(p)
	})
}

// draw adds a line to the board and shows it to all who are there.
func (b *board) draw(ctx context.Context, g *guest, line cursors.Line) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case g.id == 0:
		return notHere()
	case b.points+len(line.Points) > maxDrawn:
		return twinwire.Errorf(twinwire.ResourceExhausted, "the board is full: clear it")
	}
	b.drawn++
	b.points += len(line.Points)
	d := cursors.Drawn{Number: b.drawn, By: g.id, Line: line}
	b.lines = append(b.lines, d)
	return b.emit.Emit(ctx, boardTopic, d)
}

// clear wipes the board.
func (b *board) clear(ctx context.Context, g *guest) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g.id == 0 {
		return notHere()
	}
	b.lines, b.points = nil, 0
	return b.emit.Emit(ctx, boardTopic, cursors.Cleared{Number: b.drawn})
}

func notHere() error {
	return twinwire.Errorf(twinwire.FailedPrecondition, "enter first")
}
