// Package calls has methods of every shape.
package calls

import (
	"context"
	"time"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/other"
	"github.com/twinwire/twinwire/events"
)

// Shop sells things.
// It is never closed.
//
//twinwire:service state=Stock events=Event
type Shop interface {
	// Ping has neither arguments nor results.
	Ping(ctx context.Context) error
	// Buy has several arguments.
	//
	// It takes its time.
	//
	//twinwire:idempotent
	Buy(ctx context.Context, item string, count uint16, codec *other.Point) (Receipt, error)
	Totals(ctx context.Context, since time.Time) (sum int64, by map[string]int64, err error)
	Sum(c context.Context, numbers ...int32) (int64, error)
	//twinwire:oneway
	Note(ctx context.Context, text string, ctx2 events.Topic) error
	// Alarm does not wait behind notes.
	//
	//twinwire:oneway
	//twinwire:priority high
	Alarm(ctx context.Context, text string) error
	//twinwire:unordered
	Echo(ctx context.Context, err []other.Version) ([]other.Version, error)
	// Any takes anything.
	//twinwire:any
	Any(ctx context.Context, v any) (any, error)
}

// A Receipt is for what was bought.
type Receipt struct {
	Item  string
	Price int64
}

// Stock is what there is.
type Stock struct {
	Items map[string]uint32
}

// An Event happened in the shop.
type Event interface{ isEvent() }

// Bought says that something was bought.
type Bought struct {
	Item  string
	Count uint16
}

// Sold says that nothing is left.
type Sold struct{ Item string }

// Closed has nothing to say, and a name of its own.
type Closed struct{}

// EventType returns the name of the type.
func (Closed) EventType() string { return "shop.shut" }

func (Bought) isEvent() {}
func (Sold) isEvent()   {}
func (Closed) isEvent() {}
