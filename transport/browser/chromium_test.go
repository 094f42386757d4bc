//go:build !js

package browser_test

import (
	"testing"

	"github.com/twinwire/twinwire/internal/chromium"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// leftOut is the case of the suite that takes longer than a minute over
// WebTransport in Chromium, 20 storms of messages of 5 bytes on five lanes:
// TestStorm has larger ones.
const leftOut = "TestWebTransport/CloseStorm"

// The tests of the carriers run in Chromium, and their peers here.
func TestInChromium(t *testing.T) {
	chromium.Test(t, chromium.Options{
		Host: newHost(t), Flags: []string{"-test.short", "-test.skip=" + leftOut},
		// What the suite asks of carriers with independent lanes only.
		Skips: []string{"TestWebSocket/Independence", "TestWebSocket/BadOpening/*/*"},
	})
}
