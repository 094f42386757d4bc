package twinwire_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"testing"

	"github.com/twinwire/twinwire"
)

// codes are those of docs/protocol.md, clause 9.1.
var codes = []struct {
	code  twinwire.Code
	ident string
	name  string
}{
	{0, "Accepted", "accepted"},
	{1, "Rejected", "rejected"},
	{2, "NotImplemented", "not implemented"},
	{3, "Unauthorized", "unauthorized"},
	{4, "BadRequest", "bad request"},
	{5, "Internal", "internal error"},
	{6, "Canceled", "canceled"},
	{7, "DeadlineExceeded", "deadline exceeded"},
	{8, "NotFound", "not found"},
	{9, "AlreadyExists", "already exists"},
	{10, "PermissionDenied", "permission denied"},
	{11, "ResourceExhausted", "resource exhausted"},
	{12, "FailedPrecondition", "failed precondition"},
	{13, "Unavailable", "unavailable"},
	{14, "OutcomeUnknown", "outcome unknown"},
	{15, "ProtocolError", "protocol error"},
	{16, "VersionMismatch", "version mismatch"},
	{17, "TooLarge", "too large"},
	{18, "SlowConsumer", "slow consumer"},
	{19, "PeerDead", "peer dead"},
	{20, "Replaced", "replaced by another carrier"},
	{21, "Expired", "credentials expired"},
	{22, "TakenOver", "taken over by another session"},
	{1024, "FirstApplicationCode", "code 1024"},
	{4095, "MaxCode", "code 4095"},
}

// Clause 9.1: the numbers are the protocol's, and each has its name.
func TestCodes(t *testing.T) {
	values := declared(t)
	for _, c := range codes {
		if got, ok := values[c.ident]; !ok || got != fmt.Sprint(uint16(c.code)) {
			t.Errorf("%s is %q, want %d", c.ident, got, uint16(c.code))
		}
		delete(values, c.ident)
		if got := c.code.String(); got != c.name {
			t.Errorf("%s is called %q, want %q", c.ident, got, c.name)
		}
		if c.code.Error() != c.code.String() {
			t.Errorf("%s: Error is %q, String is %q", c.ident, c.code.Error(), c.code.String())
		}
	}
	for name := range values {
		t.Errorf("the constant %s is missing in this test", name)
	}
	for _, c := range []twinwire.Code{23, 1023, 4096, 65535} {
		if got, want := c.String(), fmt.Sprintf("code %d", uint16(c)); got != want {
			t.Errorf("code %d is called %q, want %q", uint16(c), got, want)
		}
	}
}

// declared returns the Code constants of the package as the source has them,
// so that one without a name or a test cannot be added.
func declared(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "twinwire.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, decl := range file.Decls {
		consts, ok := decl.(*ast.GenDecl)
		if !ok || consts.Tok != token.CONST {
			continue
		}
		for _, spec := range consts.Specs {
			spec := spec.(*ast.ValueSpec)
			for i, name := range spec.Names {
				values[name.Name] = spec.Values[i].(*ast.BasicLit).Value
			}
		}
	}
	return values
}

func TestCodeOf(t *testing.T) {
	canceled, cancel := context.WithCancelCause(t.Context())
	cancel(fmt.Errorf("room closed: %w", twinwire.NotFound))
	tests := []struct {
		name string
		err  error
		want twinwire.Code
	}{
		{"nil", nil, twinwire.Accepted},
		{"code", twinwire.NotFound, twinwire.NotFound},
		{"wrapped code", fmt.Errorf("room %q: %w", "a", twinwire.NotFound), twinwire.NotFound},
		{"Error", &twinwire.Error{Code: twinwire.TooLarge}, twinwire.TooLarge},
		{"wrapped Error", fmt.Errorf("x: %w", twinwire.Errorf(twinwire.Rejected, "no")), twinwire.Rejected},
		{"joined", errors.Join(io.EOF, twinwire.NotFound), twinwire.NotFound},
		{"first of two", fmt.Errorf("%w: %w", twinwire.AlreadyExists, twinwire.NotFound), twinwire.AlreadyExists},
		{"application code", twinwire.FirstApplicationCode + 1, 1025},
		{"highest code", twinwire.MaxCode, twinwire.MaxCode},
		{"code beyond the highest", twinwire.MaxCode + 1, twinwire.Internal},
		{"Accepted is no error", twinwire.Accepted, twinwire.Internal},
		{"Error without a code", &twinwire.Error{Message: "no"}, twinwire.Internal},
		{"context canceled", context.Canceled, twinwire.Canceled},
		{"context deadline", fmt.Errorf("x: %w", context.DeadlineExceeded), twinwire.DeadlineExceeded},
		{"cause of a context", context.Cause(canceled), twinwire.NotFound},
		{"any other", io.EOF, twinwire.Internal},
	}
	for _, tt := range tests {
		if got := twinwire.CodeOf(tt.err); got != tt.want {
			t.Errorf("%s: CodeOf(%v) = %v, want %v", tt.name, tt.err, got, tt.want)
		}
	}
}

func TestIs(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		target error
		want   bool
	}{
		{"itself", twinwire.NotFound, twinwire.NotFound, true},
		{"another", twinwire.NotFound, twinwire.Rejected, false},
		{"the code of an Error", twinwire.Errorf(twinwire.NotFound, "no room"), twinwire.NotFound, true},
		{"another than the code of an Error", twinwire.Errorf(twinwire.NotFound, "no room"), twinwire.Rejected, false},
		{"canceled", twinwire.Canceled, context.Canceled, true},
		{"canceled, in an Error", twinwire.Errorf(twinwire.Canceled, "gone"), context.Canceled, true},
		{"deadline", twinwire.DeadlineExceeded, context.DeadlineExceeded, true},
		{"deadline, in an Error", twinwire.Errorf(twinwire.DeadlineExceeded, "late"), context.DeadlineExceeded, true},
		{"canceled is no deadline", twinwire.Canceled, context.DeadlineExceeded, false},
		{"deadline is no cancel", twinwire.DeadlineExceeded, context.Canceled, false},
		{"another is no cancel", twinwire.Unavailable, context.Canceled, false},
		{"the context's error is not a code", context.Canceled, twinwire.Canceled, false},
	}
	for _, tt := range tests {
		if got := errors.Is(tt.err, tt.target); got != tt.want {
			t.Errorf("%s: errors.Is(%v, %v) = %v", tt.name, tt.err, tt.target, got)
		}
	}
}

func TestError(t *testing.T) {
	tests := []struct {
		err  *twinwire.Error
		want string
	}{
		{&twinwire.Error{Code: twinwire.NotFound}, "not found"},
		{&twinwire.Error{Code: twinwire.NotFound, Message: "not found"}, "not found"},
		{&twinwire.Error{Code: twinwire.NotFound, Message: "room 7"}, "room 7: not found"},
		{&twinwire.Error{Code: 1024, Message: "no funds"}, "no funds: code 1024"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("Error() = %q, want %q", got, tt.want)
		}
	}
}

func TestErrorf(t *testing.T) {
	err := fmt.Errorf("outer: %w", twinwire.Errorf(twinwire.TooLarge, "%d bytes", 7))
	var e *twinwire.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v holds no *Error", err)
	}
	if e.Code != twinwire.TooLarge || e.Message != "7 bytes" || e.Details != nil {
		t.Errorf("Errorf gives %+v", e)
	}
	if want := "outer: 7 bytes: too large"; err.Error() != want {
		t.Errorf("the text is %q, want %q", err, want)
	}
}
