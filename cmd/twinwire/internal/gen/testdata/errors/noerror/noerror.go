package noerror

import (
	"context"
)

//twinwire:service
type Service interface {
	Do(ctx context.Context)
	Get(ctx context.Context) int
	Wrong(ctx context.Context) (error, int)
}

// want 9:2: method Do does not return an error: make its last result error, for any call may fail
// want 10:2: method Get does not return an error: make its last result error, for any call may fail
// want 11:2: method Wrong does not return an error: make its last result error, for any call may fail
