package anything

import (
	"context"
)

//twinwire:codec
type T struct {
	A any
	M map[string]any
}

//twinwire:service
type Service interface {
	Do(ctx context.Context, v any) error
}

// want 9:2: any holds whatever the peer sends: say that this is meant by //twinwire:any on the field or the method, or use codec.Raw or a type of your own
// want 10:2: any holds whatever the peer sends: say that this is meant by //twinwire:any on the field or the method, or use codec.Raw or a type of your own
// want 15:26: any holds whatever the peer sends: say that this is meant by //twinwire:any on the field or the method, or use codec.Raw or a type of your own
