package ws_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport/ws"
)

func ExampleDial() {
	ended := make(chan error)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _, err := ws.Upgrade(w, r, nil)
		if err != nil {
			return // Upgrade has answered the request
		}
		// Not here: the handler returns, so that its memory is freed.
		go func() {
			ended <- c.Receive(func(_ int, frames []byte) error {
				var f frame.Frame
				_, err := f.Parse(frames)
				fmt.Println(f.Kind, f.ID)
				return err
			})
		}()
	}))
	defer s.Close()

	c, err := ws.Dial(context.Background(), "ws"+strings.TrimPrefix(s.URL, "http")+ws.Path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := c.Send(0, frame.Append(nil, &frame.Frame{Kind: frame.Ping, ID: 7})); err != nil {
		fmt.Println(err)
	}
	c.Close(twinwire.Accepted, "done")
	fmt.Println(<-ended)
	// Output:
	// PING 7
	// closed by peer: accepted: done
}
