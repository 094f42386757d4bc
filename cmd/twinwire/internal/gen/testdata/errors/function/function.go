package function

import (
	"context"
)

//twinwire:service
type Service interface {
	Do(ctx context.Context, f func()) error
}

//twinwire:codec
type T struct {
	F func(int) string
}

// want 9:26: func() is a function, which cannot be carried: let the peer serve a method
// want 14:2: func(int) string is a function, which cannot be carried: let the peer serve a method
