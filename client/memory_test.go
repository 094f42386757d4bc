//go:build !js

package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(Memory)
		if m.slow("a:1", time.Now()) {
			t.Error("an empty memory remembers")
		}
		m.quicLost("a:1", time.Now())
		time.Sleep(memoryTime - time.Second)
		m.quicLost("b:1", time.Now())
		if !m.slow("a:1", time.Now()) || !m.slow("b:1", time.Now()) {
			t.Error("forgotten within a day")
		}
		time.Sleep(time.Second)
		if m.slow("a:1", time.Now()) || !m.slow("b:1", time.Now()) {
			t.Error("a day does not end where it should")
		}
		m.quicWon("b:1")
		if m.slow("b:1", time.Now()) || len(m.lost) != 0 {
			t.Error("remembered after QUIC has won")
		}
	})
}

// The newest are remembered, and no more of them than there may be.
func TestMemoryBound(t *testing.T) {
	m, began := new(Memory), time.Now().Add(-time.Hour)
	for i := range memorySize + 10 {
		m.quicLost(fmt.Sprint("host:", i), began.Add(time.Duration(i)*time.Millisecond))
	}
	if len(m.lost) != memorySize || m.slow("host:9", time.Now()) || !m.slow("host:10", time.Now()) {
		t.Errorf("remembers %d, the oldest of them: %v", len(m.lost), m.slow("host:9", time.Now()))
	}
}

// What is written to a file can be read from it, and what is malformed, too
// large, too old or in the future does no harm.
func TestMemoryFile(t *testing.T) {
	m := new(Memory)
	m.quicLost("a:1", time.Now())
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	read := new(Memory)
	if err := json.Unmarshal(b, read); err != nil || !read.slow("a:1", time.Now()) {
		t.Errorf("%s: read as %v, %v", b, read.lost, err)
	}
	for _, text := range []string{`{`, `[]`, `{"a:1":1}`, `{"a:1":"yesterday"}`} {
		if read.UnmarshalJSON([]byte(text)) == nil || !read.slow("a:1", time.Now()) {
			t.Errorf("%s was taken over", text)
		}
	}
	if read.UnmarshalJSON(bytes.Repeat([]byte(" "), maxMemory+1)) == nil {
		t.Error("a file of any size is read")
	}
	old, future := time.Now().Add(-memoryTime), time.Now().Add(time.Hour)
	b, _ = json.Marshal(map[string]time.Time{"old:1": old, "future:1": future, "new:1": time.Now()})
	if err := read.UnmarshalJSON(b); err != nil || len(read.lost) != 1 || !read.slow("new:1", time.Now()) {
		t.Errorf("remembers %v, %v", read.lost, err)
	}
	if err := read.UnmarshalJSON([]byte("null")); err != nil {
		t.Error(err)
	}
	read.quicLost("a:1", time.Now()) // must not panic
}

func FuzzMemory(f *testing.F) {
	f.Add([]byte(`{"localhost:443":"2026-01-02T03:04:05Z"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := new(Memory)
		if m.UnmarshalJSON(b) != nil {
			return
		}
		m.quicLost("a:1", time.Now())
		if len(m.lost) > memorySize || !m.slow("a:1", time.Now()) {
			t.Errorf("remembers %d servers", len(m.lost))
		}
	})
}
