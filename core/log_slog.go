//go:build !js

package core

import (
	"log/slog"
)

// DefaultLogger returns what logs where a program names no Logger:
// slog.Default(), and in a browser its console.
func DefaultLogger() Logger { return slog.Default() }

// LogValue keeps credentials out of logs.
func (c *Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// LogValue is String, and MarshalText too: a login may have cookies around it.
func (l *Login) LogValue() slog.Value { return slog.StringValue(l.String()) }

// LogValue is the id, quoted and cut, and the end. Claims are nobody's
// business.
func (p *Principal) LogValue() slog.Value {
	if p == nil {
		return slog.StringValue("nobody")
	}
	attrs := []slog.Attr{slog.String("id", quoted(p.ID))}
	if !p.Expires.IsZero() {
		attrs = append(attrs, slog.Time("expires", p.Expires))
	}
	return slog.GroupValue(attrs...)
}
