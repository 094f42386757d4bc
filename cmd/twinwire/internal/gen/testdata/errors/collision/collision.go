package collision

import (
	"context"
)

//twinwire:service state=Stock
type Service interface {
	State(ctx context.Context) error
	Session(ctx context.Context) error
}

type Stock struct{ N int }

// want 9:2: method State has the name of a method that the generated client has: rename it
// want 10:2: method Session has the name of a method that the generated client has: rename it
