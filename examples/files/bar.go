package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/twinwire/twinwire/files"
)

// A bar shows the progress of transfers: on a terminal in place, elsewhere a
// line for each file that has ended.
type bar struct {
	out      io.Writer
	terminal bool
	open     bool             // the line is not ended
	from     map[string]int64 // where the last transfer of a file began
}

func newBar(out io.Writer) *bar {
	b := &bar{out: out, from: make(map[string]int64)}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		b.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return b
}

// show is an Options.Progress.
func (b *bar) show(p files.Progress) {
	b.from[p.Name] = p.From
	if !b.terminal && !p.Ended {
		return
	}
	const width = 24
	had, done := width, width
	if p.Size > 0 {
		had, done = int(width*p.From/p.Size), int(width*p.Done/p.Size)
	}
	line := fmt.Sprintf("  [%s%s%s] %6.2f MB  %d of %d: %s", strings.Repeat("=", had), strings.Repeat("#", done-had),
		strings.Repeat(".", width-done), float64(p.Done)/1e6, p.File, p.Files, p.Name)
	if p.Err != nil {
		line += ": " + p.Err.Error()
	}
	if b.terminal {
		line = "\r" + line + "\x1b[K"
	}
	fmt.Fprint(b.out, line)
	b.open = true
	if p.Ended {
		b.end()
	}
}

func (b *bar) end() {
	if b.open {
		fmt.Fprintln(b.out)
	}
	b.open = false
}

func (b *bar) printf(format string, args ...any) {
	b.end()
	fmt.Fprintf(b.out, format+"\n", args...)
}
