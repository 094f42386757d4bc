package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
)

// A printer prints lines of several goroutines one after another.
type printer struct {
	mu  sync.Mutex
	out io.Writer
}

// printf prints a line. Much of what a chat prints was written by others:
// nothing but text reaches the terminal.
func (p *printer) printf(format string, args ...any) {
	text := strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return unicode.ReplacementChar
		}
		return c
	}, fmt.Sprintf(format, args...))
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.out, text)
}
