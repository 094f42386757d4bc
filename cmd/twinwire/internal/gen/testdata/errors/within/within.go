package within

import (
	"context"
	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/other"
)

type Inner struct {
	Page other.Page[chan int]
}

//twinwire:service
type Service interface {
	Do(ctx context.Context, p other.Page[func()], in Inner) error
}

// want 9:2: field Items of other.Page[chan int]: chan int is a channel, which cannot be carried: use a slice, or let the method take or return an iter.Seq2[T, error]
// want 14:26: field Items of other.Page[func()]: func() is a function, which cannot be carried: let the peer serve a method
