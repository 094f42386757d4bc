// A page that uses most of what there is, for the comparison of sizes: calls,
// streams, a state, and events.
package main

import (
	"context"

	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/ts/testserver/lab"
)

func main() {
	ctx := context.Background()
	s, err := client.Dial(ctx, "example.com", nil)
	if err != nil {
		panic(err)
	}
	c, err := lab.NewClient(s)
	if err != nil {
		panic(err)
	}
	v, err := c.Echo(ctx, lab.Everything{})
	if err != nil {
		panic(err)
	}
	for n, err := range c.Count(ctx, uint32(v.Int)) {
		if err != nil {
			panic(err)
		}
		println(n)
	}
	go func() {
		for d := range c.Events(ctx) {
			if said, ok := d.Event.(lab.Said); ok {
				println(said.Number)
			}
		}
	}()
	for st := range c.State().Changes(ctx) {
		println(st.Title)
	}
}
