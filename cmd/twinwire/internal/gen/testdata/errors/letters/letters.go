package letters

import "context"

//twinwire:service name=shop
type Ärger interface {
	GetGröße(ctx context.Context) (int, error)
}

//twinwire:events
type Event interface{ isEvent() }

type Größe struct{}

func (Größe) isEvent() {}

// want 7:2: "shop.GetGröße" cannot be the name of a method: use letters a to z, digits and _, at most 255 of them
// want 13:6: "Größe" cannot be the name of an event: use letters a to z, digits and _
