//go:build !js

package client

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// MarshalJSON returns the servers and when WebSocket won there, as an object of
// times by host and port.
func (m *Memory) MarshalJSON() ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return json.Marshal(m.lost)
}

// maxMemory bounds what UnmarshalJSON reads: a host is at most 253 bytes.
const maxMemory = memorySize * 512

// UnmarshalJSON takes over what MarshalJSON returned; what was remembered
// before is forgotten. What is malformed, or over 512 KiB, is an error and
// changes nothing: a program had better go on without.
func (m *Memory) UnmarshalJSON(b []byte) error {
	if len(b) > maxMemory {
		return fmt.Errorf("client: memory of %d bytes is over the limit of %d", len(b), maxMemory)
	}
	var lost map[string]time.Time
	if err := json.Unmarshal(b, &lost); err != nil {
		return fmt.Errorf("client: memory: %w", err)
	}
	now := time.Now()
	maps.DeleteFunc(lost, func(_ string, at time.Time) bool { return !fresh(at, now) })
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lost = lost
	m.boundLocked()
	return nil
}
