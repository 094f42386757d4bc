package samename

import "context"

//twinwire:service name=x events=E
type A interface {
	Do(ctx context.Context) error
}

//twinwire:service name=x events=F
type B interface {
	Do(ctx context.Context) error
}

type E struct{}
type F struct{}

// want 10:1: events E and F are both called "x" on the wire: give one a name by //twinwire:events name=
// want 10:1: services A and B are both called "x" on the wire: give one a name by //twinwire:service name=
