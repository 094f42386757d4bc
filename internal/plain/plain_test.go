package plain_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/twinwire/twinwire/internal/plain"
)

// Both are what fmt.Errorf makes of %w.
func TestErrors(t *testing.T) {
	first, second := errors.New("first"), io.ErrClosedPipe
	for _, tt := range []struct{ got, want error }{
		{plain.Wrap("text", second), fmt.Errorf("text: %w", second)},
		{plain.Join(first, second), fmt.Errorf("%w: %w", first, second)},
	} {
		if tt.got.Error() != tt.want.Error() {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
		for _, part := range []error{first, second, io.EOF} {
			if errors.Is(tt.got, part) != errors.Is(tt.want, part) {
				t.Errorf("%q is %q: %v", tt.got, part, errors.Is(tt.got, part))
			}
		}
	}
}
