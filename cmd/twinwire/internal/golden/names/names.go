// Package names has names that mean something else in TypeScript.
package names

import (
	"context"
	"iter"
	"time"
)

// Words has methods that would be what each class has, that make a promise of
// it, or that differ in their case only.
//
//twinwire:service state=Map events=Happens
type Words interface {
	Constructor(ctx context.Context, on Date) (Promise, error)
	Then(ctx context.Context, at time.Time) (time.Time, error)
	List(ctx context.Context) (Iterable, error)
	Deliver(ctx context.Context, what HappensDelivery) error
	ID(ctx context.Context) (int, error)
	Id(ctx context.Context, list iter.Seq2[Date, error]) iter.Seq2[Promise, error]
}

// Date is a day.
type Date struct {
	Year, Month, Day int
	Next             *Date
}

// Promise is what has been said.
type Promise struct{ By time.Time }

// Iterable lists dates.
type Iterable []Date

// HappensDelivery is no delivery of an event.
type HappensDelivery struct{ Promises map[string]Promise }

// Map is the state.
type Map struct{ Dates []Date }

// Happens is an event.
type Happens interface{ isHappens() }

// Uint8Array is one.
type Uint8Array struct{ Bytes []byte }

func (Uint8Array) isHappens() {}
