package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twinwire/twinwire/bench/suite"
)

// progressLine says on standard error what is running: on a terminal in one
// line that changes, elsewhere in a line for each workload of each round.
type progressLine struct {
	out      *os.File
	terminal bool
	rounds   int
	last     string
}

func newProgressLine(out *os.File, rounds int) *progressLine {
	info, err := out.Stat()
	return &progressLine{
		out:      out,
		terminal: err == nil && info.Mode()&os.ModeCharDevice != 0,
		rounds:   rounds,
	}
}

func (l *progressLine) show(p suite.Progress) {
	what := fmt.Sprintf("round %d of %d  %s", p.Run.Round, l.rounds, p.Run.Workload.Name)
	switch {
	case l.terminal:
		// Back to the first column, and erase to the end of the line.
		fmt.Fprintf(l.out, "\r\x1b[K%s %d/%d  %s  %s  %v left", bar(p.Index, p.Total), p.Index+1, p.Total, what, p.Run.Peer.Info().Name, roughly(p.Left))
	case what != l.last:
		fmt.Fprintf(l.out, "%d/%d  %s  %v left\n", p.Index+1, p.Total, what, roughly(p.Left))
	}
	l.last = what
}

// bar shows how many of all runs are done.
func bar(done, total int) string {
	const width = 24
	full := width * done / total
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", width-full) + "]"
}

// clear removes the line from a terminal.
func (l *progressLine) clear() {
	if l.terminal {
		fmt.Fprint(l.out, "\r\x1b[K")
	}
}

func roughly(d time.Duration) time.Duration { return d.Round(time.Second) }
