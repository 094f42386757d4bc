package core_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// The figures of a session say what waits in it, on both sides, and nothing
// waits when all is done.
func TestStats(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		release := make(chan struct{})
		p := connect(t, o, statusServer(release), &core.Config{})
		a := async(t.Context(), p.client, "test.Wait")
		b := async(t.Context(), p.client, "test.Echo") // behind the window of one
		for range 2 {
			if err := p.client.Send(t.Context(), "test.Wait", str(strings.Repeat("x", 100))); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		c, s := p.client.Stats(), p.server.Stats()
		if c.CallsRunning != 1 || c.CallsWaiting != 3 || c.BytesWaiting < 100 || c.Unacknowledged == 0 {
			t.Errorf("client: %+v", c)
		}
		if s.CallsServing != 1 || s.MessagesServing != 0 || s.CallsRunning != 0 {
			t.Errorf("server: %+v", s)
		}
		close(release)
		<-a
		<-b
		synctest.Wait()
		c, s = p.client.Stats(), p.server.Stats()
		if c.CallsRunning+c.CallsWaiting+c.BytesWaiting+s.CallsServing+s.MessagesServing+s.ReplyBytes != 0 {
			t.Errorf("afterwards: client %+v, server %+v", c, s)
		}
		if s.CallsServed != 2 || c.Messages != 2 || s.BytesReceived != c.BytesSent {
			t.Errorf("afterwards: client %+v, server %+v", c, s)
		}
	})
}
