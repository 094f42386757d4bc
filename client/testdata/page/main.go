// A small program of a page, for the comparison of sizes: it imports the client
// and a generated contract.
package main

import (
	"context"

	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/ts/testserver/page"
)

func main() {
	ctx := context.Background()
	s, err := client.Dial(ctx, "example.com", nil)
	if err != nil {
		panic(err)
	}
	c, err := page.NewClient(s)
	if err != nil {
		panic(err)
	}
	if _, err := c.Greet(ctx, "page"); err != nil {
		panic(err)
	}
	<-s.Done()
}
