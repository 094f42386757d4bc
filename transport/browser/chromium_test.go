//go:build !js

package browser_test

import (
	"testing"

	"github.com/twinwire/twinwire/internal/chromium"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// leftOut are the cases of the suite that Chromium has no part in. A storm of
// messages of 5 bytes keeps its network process from everything else for minutes,
// and TestStorm has one that does not. What a server says when it closes a
// session of WebTransport comes together with a request to send no more, which
// Chromium heeds first: it has lost the connection then, and is told nothing; and
// a server waits for a second after that, which Leaks has no time for.
const leftOut = "TestWebSocket/CloseStorm|TestWebTransport/(CloseStorm|BadLength|BadOpening|DeliverFails|CloseInDeliver|Leaks)|TestWebTransport/^Close$/.*/Server"

// The tests of the carriers run in Chromium, and their peers here.
func TestInChromium(t *testing.T) {
	chromium.Test(t, chromium.Options{
		Host: newHost(t), Flags: []string{"-test.short", "-test.skip=" + leftOut},
		// What the suite asks of carriers with independent lanes only.
		Skips: []string{"TestWebSocket/Independence", "TestWebSocket/BadOpening/*/*"},
	})
}
