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
	for status, want := range map[int]twinwire.Code{4000: twinwire.Accepted, 4999: 999, 4000 + int(twinwire.Replaced): twinwire.Replaced} {
		for _, byClient := range []bool{false, true} {
			if e := ByStatus(status, "why", byClient); e == nil || e.Code != want || !e.Remote || e.Reason != "why" {
				t.Errorf("ByStatus(%d) = %v, want code %d", status, e, want)
			}
		}
	}
}

// Clause 10.1: what is between, and breaks a connection, is not the peer that
// closes it.
func TestStatusOfOthers(t *testing.T) {
	for status, page := range map[int]bool{
		1000: true, 1001: true, 1005: true, 1002: false, 1003: false, 1006: false, 1008: false, 1009: false, 1011: false, 1012: false, 1013: false,
		1014: false, 3000: false, 3999: false,
	} {
		for _, byClient := range []bool{false, true} {
			e := ByStatus(status, "why", byClient)
			if closed := e != nil; closed != (page && byClient) || closed && (e.Code != twinwire.Accepted || !e.Remote) {
				t.Errorf("ByStatus(%d) of a client %t = %v", status, byClient, e)
			}
		}
	}
}
