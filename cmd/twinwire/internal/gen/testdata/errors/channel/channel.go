package channel

import (
	"context"
)

//twinwire:service
type Service interface {
	Do(ctx context.Context, c chan int) error
	Get(ctx context.Context) (<-chan string, error)
}

// want 9:26: chan int is a channel, which cannot be carried: use a slice, or let the method take or return an iter.Seq2[T, error]
// want 10:28: <-chan string is a channel, which cannot be carried: use a slice, or let the method take or return an iter.Seq2[T, error]
