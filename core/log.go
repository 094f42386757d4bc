package core

// A Logger is told what goes wrong behind a program's back: panics, errors
// without a code, peers that break the protocol. A *slog.Logger is one, and args
// are what its methods take: names and values in turn. It is an interface
// because log/slog would make a page in a browser half as large again. Its
// methods are called from many goroutines at once.
type Logger interface {
	Debug(msg string, args ...any)
	Warn(msg string, args ...any)
	Error(msg string, args ...any)
}
