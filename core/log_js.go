package core

import (
	"strconv"
	"syscall/js"
)

// DefaultLogger returns what logs where a program names no Logger: the console
// of the browser, and elsewhere slog.Default().
func DefaultLogger() Logger { return console{} }

// A console is the browser's.
type console struct{}

func (console) Debug(msg string, args ...any) { say("debug", msg, args) }
func (console) Warn(msg string, args ...any)  { say("warn", msg, args) }
func (console) Error(msg string, args ...any) { say("error", msg, args) }

// say writes a line as slog's text has it, without quotes.
func say(method, msg string, args []any) {
	for i, arg := range args {
		if i%2 == 0 {
			msg += " " + sprint(arg)
		} else {
			msg += "=" + sprint(arg)
		}
	}
	js.Global().Get("console").Call(method, msg)
}

// sprint returns a value that is logged, or that somebody panicked with, as
// text: fmt would be a fifth of a page.
func sprint(v any) string {
	switch v := v.(type) {
	case nil:
		return "<nil>"
	case string:
		return v
	case error:
		return v.Error()
	case interface{ String() string }:
		return v.String()
	case int:
		return strconv.Itoa(v)
	}
	return "(a value without text)"
}
