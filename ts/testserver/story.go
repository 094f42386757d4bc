package main

import (
	"context"
	"strings"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/ts/testserver/lab"
)

// steps are changes of a state, one of each kind.
var steps = []func(s *lab.State){
	func(s *lab.State) {
		*s = lab.State{
			Title: "start", Count: 1, Players: map[string]lab.Player{"ann": {X: 1, Tags: []string{"red"}}, "bob": {Y: 2}},
			Scores: map[int32]int64{-1: 5, 7: 1 << 60}, Log: []string{"a", "b", "c", "d"}, Board: []lab.Player{{X: 1}, {X: 2}, {X: 3}},
			Grid: [3]uint8{1, 2, 3}, Blob: []byte(strings.Repeat("blob", 50)), Seen: time.Unix(1700000000, 123456789).UTC(),
		}
	},
	func(s *lab.State) { s.Title, s.Count = "second", 2 },
	func(s *lab.State) { s.Players["cleo"] = lab.Player{X: 9, Y: 9} },
	func(s *lab.State) { p := s.Players["ann"]; p.Y = 77; s.Players["ann"] = p },
	func(s *lab.State) {
		delete(s.Players, "bob")
		p := s.Players["ann"]
		p.Tags = append([]string{"blue"}, p.Tags...)
		s.Players["ann"] = p
	},
	func(s *lab.State) { delete(s.Scores, -1); s.Scores[-9] = -1; s.Scores[100] = 3 },
	func(s *lab.State) { s.Log = append(s.Log, "e") },
	func(s *lab.State) { s.Log = s.Log[2:] },
	func(s *lab.State) { s.Log[1] = "changed"; s.Log = append(s.Log, "f", "g") },
	func(s *lab.State) { s.Board[1].X = 55; s.Board[2].Tags = []string{"x", "y"} },
	func(s *lab.State) { s.Board = append(s.Board[:1], s.Board[2:]...) },
	func(s *lab.State) { s.Grid[1] = 20 },
	func(s *lab.State) { s.Blob = append(s.Blob, "more"...) },
	func(s *lab.State) { copy(s.Blob[40:], "CHANGED") },
	func(s *lab.State) { s.Best = &lab.Player{X: 4} },
	func(s *lab.State) { s.Best.Y = 5 },
	func(s *lab.State) { s.Best = nil; s.Seen = s.Seen.Add(time.Nanosecond) },
	func(s *lab.State) { s.Log, s.Players = nil, nil },
}

// Play makes a step of the story.
func (h *handler) Play(_ context.Context, step int) error {
	if step < 0 || step >= len(steps) {
		return twinwire.NotFound
	}
	return h.s.State.Update(steps[step])
}
