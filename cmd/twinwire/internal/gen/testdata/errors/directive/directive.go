package directive

import (
	"context"
)

//twinwire:servce
type A struct{}

//twinwire:service colour=red
type B interface {
	//twinwire:prority
	Do(ctx context.Context) error
	Again(ctx context.Context) error //twinwire:
}

//twinwire:codec
func f() {}

//twinwire:service state=Nothing events=None name=a:b
type C interface {
	Do(ctx context.Context) error
}

// want 7:1: directive //twinwire:servce is not known here: known are //twinwire:codec, //twinwire:events, //twinwire:service, //twinwire:state
// want 10:1: directive //twinwire:service does not take "colour=red": it takes name=, state=, events=
// want 12:2: directive //twinwire:prority is not known here: known are //twinwire:any, //twinwire:idempotent, //twinwire:oneway, //twinwire:priority, //twinwire:unordered
// want 14:35: directive without a name: write one of //twinwire:any, //twinwire:idempotent, //twinwire:oneway, //twinwire:priority, //twinwire:unordered
// want 17:1: directive stands on nothing: put it directly above the type, the method or the field that it is for
// want 20:1: "a:b" cannot be the name of a service: use letters, digits and any of . _ / -, at most 100
// want 20:1: events=None: the package declares no type of this name: declare it here, an alias will do
// want 20:1: state=Nothing: the package declares no type of this name: declare it here, an alias will do
