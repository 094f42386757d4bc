package priority

import (
	"context"
)

//twinwire:service
type Service interface {
	//twinwire:priority urgent
	Wrong(ctx context.Context) error
	//twinwire:priority
	Missing(ctx context.Context) error
	//twinwire:priority high low
	Two(ctx context.Context) error
	//twinwire:priority p=high
	Key(ctx context.Context) error
	//twinwire:oneway high
	None(ctx context.Context) error
}

//twinwire:priority high
type Misplaced struct{}

// want 9:2: directive //twinwire:priority does not take "urgent": it takes one of high, normal, low, bulk
// want 11:2: directive //twinwire:priority says nothing: it takes one of high, normal, low, bulk
// want 13:2: directive //twinwire:priority does not take "low": it takes one of high, normal, low, bulk
// want 15:2: directive //twinwire:priority does not take "p=high": it takes one of high, normal, low, bulk
// want 17:2: directive //twinwire:oneway does not take "high": it takes nothing
// want 21:1: directive //twinwire:priority is not known here: known are //twinwire:codec, //twinwire:events, //twinwire:service, //twinwire:state
