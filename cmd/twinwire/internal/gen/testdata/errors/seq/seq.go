package seq

import (
	"context"
	"iter"
)

//twinwire:service
type Service interface {
	Watch(ctx context.Context) iter.Seq[int]
	Sum(ctx context.Context, in iter.Seq[int]) (int, error)
	Pairs(ctx context.Context) iter.Seq2[int, string]
	Send(ctx context.Context, in iter.Seq2[string, bool]) error
	Both(ctx context.Context) (iter.Seq2[int, error], error)
	Chans(ctx context.Context) iter.Seq2[chan int, error]
	Func(ctx context.Context, f func(yield func(int, error) bool)) error
	//twinwire:oneway
	Note(ctx context.Context, in iter.Seq2[string, error]) error
}

// want 10:29: result of Watch is an iter.Seq: make it an iter.Seq2[T, error], which can yield an error last
// want 11:27: parameter in of Sum is an iter.Seq: make it an iter.Seq2[T, error], which can yield an error last
// want 12:29: result of Pairs yields pairs with string: make it an iter.Seq2[T, error], of one value and the error that comes last
// want 13:28: parameter in of Send yields pairs with bool: make it an iter.Seq2[T, error], of one value and the error that comes last
// want 14:29: result of Both is an iter.Seq2 and not all of it: return it alone, for it yields an error last
// want 15:29: chan int is a channel, which cannot be carried: use a slice, or let the method take or return an iter.Seq2[T, error]
// want 16:28: func(yield func(int, error) bool) is a function, which cannot be carried: let the peer serve a method
// want 18:2: method Note is oneway and has a stream: remove the directive, for a stream belongs to a call with an answer
