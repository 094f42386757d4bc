package oneway

import (
	"context"
)

//twinwire:service
type Service interface {
	//twinwire:oneway
	Do(ctx context.Context) (int, error)
}

// want 10:2: method Do is oneway and returns more than an error: it has no answer, so remove its results or the directive
