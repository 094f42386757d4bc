package nocontext

import (
	"context"
)

//twinwire:service
type Service interface {
	Do() error
	Two(ctx context.Context, again context.Context) error
	Late(n int, ctx context.Context) error
}

// want 9:2: method Do does not take a context: make its first parameter ctx context.Context
// want 10:27: parameter again of Two is a second context: take the first one only
// want 11:2: method Late does not take a context: make its first parameter ctx context.Context
// want 11:14: parameter ctx of Late is a second context: take the first one only
