package closing

import (
	"testing"

	"github.com/twinwire/twinwire"
)

// Clause 10.1: 4000 and the code, 4999 beyond.
func TestStatus(t *testing.T) {
	for code, want := range map[twinwire.Code]int{
		twinwire.Accepted: 4000, twinwire.TooLarge: 4000 + int(twinwire.TooLarge), 999: 4999, 1000: 4999, twinwire.MaxCode: 4999,
	} {
		if got := Status(code); got != want {
			t.Errorf("Status(%d) = %d, want %d", code, got, want)
		}
	}
	for status, want := range map[int]twinwire.Code{
		4000: twinwire.Accepted, 4999: 999, 4000 + int(twinwire.Replaced): twinwire.Replaced,
		1000: twinwire.Accepted, 1001: twinwire.Accepted, 1002: twinwire.ProtocolError, 1003: twinwire.ProtocolError,
		1005: twinwire.Accepted, 1009: twinwire.TooLarge, 1011: twinwire.Internal, 1012: twinwire.Unavailable,
		1013: twinwire.Unavailable, 3000: twinwire.ProtocolError,
	} {
		if e := ByStatus(status, "why"); e.Code != want || !e.Remote || e.Reason != "why" {
			t.Errorf("ByStatus(%d) = %+v, want code %d", status, e, want)
		}
	}
}
