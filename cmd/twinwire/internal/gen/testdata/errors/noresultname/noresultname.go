package noresultname

import (
	"context"
)

//twinwire:service
type Service interface {
	Do(ctx context.Context) (int, string, error)
}

// want 9:27: result 1 of Do has no name: name all results, or return one struct, for several travel by their names
// want 9:32: result 2 of Do has no name: name all results, or return one struct, for several travel by their names
