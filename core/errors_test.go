package core

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/twinwire/twinwire"
)

// What a peer is told of an error has its code beside it, which is not said
// twice.
func TestTextOfErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{twinwire.NotFound, ""},
		{fmt.Errorf("room 7: %w", twinwire.NotFound), "room 7"},
		{fmt.Errorf("key was not found: %w", twinwire.NotFound), "key was not found"},
		{fmt.Errorf("%w, the key was not found", twinwire.NotFound), "not found, the key was not found"},
		{twinwire.Errorf(twinwire.NotFound, "the key was not found"), "the key was not found"},
		{context.Canceled, ""},
		{context.DeadlineExceeded, ""},
		{fmt.Errorf("search given up: %w", context.DeadlineExceeded), "search given up"},
		{errors.New("disk 7 is broken"), ""},
	} {
		if got := text(c.err); got != c.want {
			t.Errorf("text of %q is %q, want %q", c.err, got, c.want)
		}
	}
}
