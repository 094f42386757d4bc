package mem_test

import (
	"fmt"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport/mem"
)

func ExamplePipe() {
	client, server := mem.Pipe(&mem.Options{OnePipe: true})
	go func() {
		ping := frame.Append(nil, &frame.Frame{Kind: frame.Ping, ID: 7})
		if err := client.Send(0, ping); err != nil {
			fmt.Println(err)
		}
	}()
	err := server.Receive(func(_ int, frames []byte) error {
		var f frame.Frame
		if _, err := f.Parse(frames); err != nil {
			return err
		}
		fmt.Println(f.Kind, f.ID)
		client.Close(twinwire.Accepted, "done")
		return nil
	})
	fmt.Println(err)
	// Output:
	// PING 7
	// closed by peer: accepted: done
}
