package server_test

import (
	"os"
	"strings"
	"testing"

	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/core"
)

// Both ends use the congestion control that they are asked for, where the
// kernel lets them, say which one is in force, and do without otherwise.
func TestCongestion(t *testing.T) {
	read := func(name string) []string {
		b, err := os.ReadFile("/proc/sys/net/ipv4/tcp_" + name)
		if err != nil {
			t.Skipf("the kernel does not say what it offers: %v", err)
		}
		return strings.Fields(string(b))
	}
	usual, offered := read("congestion_control")[0], read("allowed_congestion_control")
	for _, asked := range append(offered, "", "nonsense") {
		want := asked
		if asked == "" || asked == "nonsense" {
			want = usual
		}
		t.Run("asked for "+asked, func(t *testing.T) {
			e := start(t, "wss://", "websocket")
			accepted := make(chan string, 1)
			e.srv.Congestion = asked
			e.srv.Connected = func(s *core.Session) { accepted <- s.Transport().Congestion }
			s := e.serve(service()).dial(&client.Options{Congestion: asked})
			if got := s.Transport().Congestion; got != want {
				t.Errorf("the client uses %q, want %q", got, want)
			}
			if got := <-accepted; got != want {
				t.Errorf("the server uses %q, want %q", got, want)
			}
		})
	}
}
