package reflective_test

import (
	"fmt"

	"github.com/twinwire/twinwire/state/reflective"
)

func ExampleOf() {
	type Player struct {
		Name string
		X, Y int `msgpack:",omitempty"`
	}
	type Room struct {
		Title   string
		Players map[string]*Player
	}
	schema, err := reflective.Of[Room]()
	if err != nil {
		fmt.Println(err)
		return
	}
	before := Room{Title: "hall", Players: map[string]*Player{"ann": {Name: "Ann"}}}
	after := schema.Clone(&before)
	after.Players["ann"].X = 7
	delta, err := schema.AppendDelta(nil, &before, &after)
	fmt.Printf("%x %v\n", delta, err)

	// Types that cannot be carried are refused with the place.
	_, err = reflective.Of[struct{ Done chan struct{} }]()
	fmt.Println(err)
	// Output:
	// 079303a3616e6e920407 <nil>
	// state/reflective: unsupported type: struct { Done chan struct {} }.Done: chan struct {} cannot be carried
}
