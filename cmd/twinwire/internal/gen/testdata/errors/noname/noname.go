package noname

import (
	"context"
)

//twinwire:service
type Service interface {
	Do(context.Context, int) error
	Under(ctx context.Context, _ string) error
}

// want 9:22: parameter 1 of Do has no name: give it one, for that is how it is called on the wire
// want 10:29: parameter 1 of Under has no name: give it one, for that is how it is called on the wire
