package unexported

import (
	"context"
)

//twinwire:service
type service interface {
	do(ctx context.Context) error
}

// want 8:6: service service is not exported: begin it with a capital letter
// want 9:2: method do is not exported: begin it with a capital letter, for peers call it
