package main

import (
	"context"
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/examples/cursors/cursors"
)

// A guest serves one client.
type guest struct {
	board *board
	s     *cursors.Session

	id uint32 // guarded by board.mu; 0 for a client that has not entered
}

var _ cursors.Board = (*guest)(nil)

func (b *board) newGuest(s *cursors.Session) cursors.Board {
	g := &guest{board: b, s: s}
	// It fails for a session that has ended, whose handler sees nothing of it.
	_ = b.people.Attach(s.Session)
	s.OnEnd(func(error) { b.leave(g) })
	return g
}

func (g *guest) Enter(_ context.Context, name string, color uint8) (uint32, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "" || utf8.RuneCountInString(name) > maxName || strings.ContainsFunc(name, unicode.IsControl):
		return 0, twinwire.Errorf(twinwire.BadRequest, "a name has 1 to %d characters", maxName)
	case color >= colors:
		return 0, twinwire.Errorf(twinwire.BadRequest, "there are %d colors", colors)
	}
	b := g.board
	b.mu.Lock()
	defer b.mu.Unlock()
	if g.s.Err() != nil {
		return 0, g.s.Err() // it has left already
	}
	if g.id == 0 {
		if err := b.enterLocked(g); err != nil {
			return 0, err
		}
	}
	b.show(func(p *cursors.People) { p.People[g.id] = cursors.Person{Name: name, Color: color} })
	return g.id, nil
}

func (g *guest) Move(ctx context.Context, x, y uint16, down bool) error {
	g.board.mu.Lock()
	id := g.id
	g.board.mu.Unlock()
	switch {
	case id == 0:
		return notHere()
	case x > cursors.Side || y > cursors.Side:
		return outside()
	}
	return g.board.emit.Emit(ctx, topicOf(id), cursors.Moved{ID: id, X: x, Y: y, Down: down})
}

func (g *guest) Draw(ctx context.Context, line cursors.Line) error {
	switch n := len(line.Points); {
	case n < 2 || n > maxPoints || n%2 != 0:
		return twinwire.Errorf(twinwire.BadRequest, "a line has 1 to %d points", maxPoints/2)
	case line.Color >= colors || line.Width >= widths:
		return twinwire.Errorf(twinwire.BadRequest, "there are %d colors and %d widths", colors, widths)
	case slices.Max(line.Points) > cursors.Side:
		return outside()
	}
	return g.board.draw(ctx, g, line)
}

func (g *guest) Clear(ctx context.Context) error { return g.board.clear(ctx, g) }

func (g *guest) Lines(context.Context) iter.Seq2[cursors.Drawn, error] {
	return func(yield func(cursors.Drawn, error) bool) {
		g.board.mu.Lock()
		lines := slices.Clip(g.board.lines) // what is in it does not change
		g.board.mu.Unlock()
		for _, d := range lines {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func outside() error { return twinwire.Errorf(twinwire.BadRequest, "that is outside of the board") }
