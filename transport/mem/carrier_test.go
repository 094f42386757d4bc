package mem_test

import (
	"testing"

	"github.com/twinwire/twinwire/internal/leak"
	"github.com/twinwire/twinwire/transport/mem"
	"github.com/twinwire/twinwire/transport/transporttest"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCarrier(t *testing.T) {
	for name, onePipe := range map[string]bool{"Lanes": false, "OnePipe": true} {
		t.Run(name, func(t *testing.T) {
			transporttest.TestCarrier(t, func(_ *testing.T, o transporttest.Options) *transporttest.Pair {
				client, server := mem.Pipe(&mem.Options{OnePipe: onePipe, SendTimeout: o.SendTimeout})
				return &transporttest.Pair{
					Client: client, Server: server, Vanish: client.Cut,
					Stop: func() {
						client.Close(0, "")
						server.Close(0, "")
					},
				}
			})
		})
	}
}
