package peer

import (
	"encoding/binary"
	"testing"
)

// Only what comes in order is counted.
func TestTally(t *testing.T) {
	var tally Tally
	for _, tt := range []struct {
		number uint64
		size   int
		ok     bool
	}{
		{0, ItemSize, true},
		{1, ItemSize, true},
		{3, ItemSize, false},
		{1, ItemSize, false},
		{2, ItemSize - 1, false},
		{2, ItemSize, true},
		{0, ItemSize, true}, // the next sender begins
		{1, ItemSize, true},
	} {
		payload := make([]byte, tt.size)
		binary.BigEndian.PutUint64(payload, tt.number)
		if err := tally.Item(payload); (err == nil) != tt.ok {
			t.Errorf("number %d of %d bytes: %v, want it taken: %v", tt.number, tt.size, err, tt.ok)
		}
	}
	tally.Bytes(10)
	tally.Bytes(5)
	if got := tally.Received(); got != (Received{Items: 5, Bytes: 15}) {
		t.Errorf("received %+v, want 5 items and 15 bytes", got)
	}
}
