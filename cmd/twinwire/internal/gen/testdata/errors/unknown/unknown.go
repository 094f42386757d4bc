package unknown

import (
	"context"
)

//twinwire:service
type Service interface {
	Do(ctx context.Context, m Missing) (map[Gone]int, error)
}

// want 9:28: undefined: Missing: declare it, or import its package
// want 9:42: undefined: Gone: declare it, or import its package
