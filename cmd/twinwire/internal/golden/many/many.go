// Package many has several services, states and families of events.
package many

import "context"

// A is the first service.
//
//twinwire:service name=many/a state=One events=Tick
type A interface {
	// Do does it.
	//
	//twinwire:idempotent
	Do(ctx context.Context, n int) (int, error)
}

// B is the second service, with the events and the methods of the first.
//
//twinwire:service state=Two events=Tick
type B interface {
	A
	Other(ctx context.Context) (*Two, error)
}

// Back is what clients serve to the server.
//
//twinwire:service
type Back interface {
	Ask(ctx context.Context, question string) (string, error)
}

type (
	// One is a state.
	One struct{ N int }
	// Two is another.
	Two struct {
		Ones []One
		Last *One
	}
	// Tick is the only event of its family.
	Tick struct{ N int }
)

// Log is a state without a service.
//
//twinwire:state
type Log struct {
	Lines []string
}

// Alarm is a family without a service.
//
//twinwire:events name=alarms
type Alarm struct{ Text string }
