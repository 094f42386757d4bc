package closing

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
)

// Clause 9.3: a reason is at most 120 bytes.
func TestReason(t *testing.T) {
	for in, want := range map[string]string{
		"":                              "",
		"server is draining":            "server is draining",
		"a\r\nb\x00\x7f\u0085c":         "a  b   c",
		"bad\xff":                       "bad\ufffd",
		strings.Repeat("x", 121):        strings.Repeat("x", 120),
		strings.Repeat("x", 119) + "é":  strings.Repeat("x", 119),
		strings.Repeat("\u20ac", 41):    strings.Repeat("\u20ac", 40),
		strings.Repeat("\xff", 120):     strings.Repeat("\ufffd", 40),
		strings.Repeat("\U0001f600", 9): strings.Repeat("\U0001f600", 9),
	} {
		if got := Reason(in); got != want {
			t.Errorf("Reason(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzReason(f *testing.F) {
	f.Add("a\nb")
	f.Fuzz(func(t *testing.T, s string) {
		got := Reason(s)
		if len(got) > frame.MaxReason || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("Reason(%q) = %q", s, got)
		}
	})
}

func TestErrors(t *testing.T) {
	if e := ByPeer(1<<40, "x"); e.Code != twinwire.Internal || !e.Remote {
		t.Errorf("a code out of range is %+v", e)
	}
	if e := Local(60000, "x"); e.Code != twinwire.Internal || e.Remote {
		t.Errorf("a code out of range is %+v", e)
	}
	if e := Violation(frame.ErrLength); e.Code != twinwire.ProtocolError || e.Reason != frame.ErrLength.Error() {
		t.Errorf("a violation is %+v", e)
	}
	told := &transport.CloseError{Code: twinwire.TooLarge, Reason: "hello"}
	if code, reason := Undelivered(fmt.Errorf("x: %w", told)); code != told.Code || reason != told.Reason {
		t.Errorf("a CloseError is told as %v %q", code, reason)
	}
	if code, reason := Undelivered(errors.New("secret")); code != twinwire.ProtocolError || reason != "" {
		t.Errorf("another error is told as %v %q", code, reason)
	}
}
