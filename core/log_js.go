package core

import (
	"syscall/js"

	"github.com/twinwire/twinwire/internal/plain"
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
			msg += " " + plain.Text(arg)
		} else {
			msg += "=" + plain.Text(arg)
		}
	}
	js.Global().Get("console").Call(method, msg)
}
