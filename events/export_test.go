package events

// Sizes returns how many topics and sessions the hub remembers.
func (h *Hub) Sizes() (topics, sessions int) {
	for i := range h.topics {
		h.topics[i].mu.RLock()
		topics += len(h.topics[i].topics)
		h.topics[i].mu.RUnlock()
	}
	for i := range h.sessions {
		h.sessions[i].mu.RLock()
		sessions += len(h.sessions[i].members)
		h.sessions[i].mu.RUnlock()
	}
	return topics, sessions
}

// Flushers returns how many goroutines of the flusher run.
func (h *Hub) Flushers() int {
	h.flusher.mu.Lock()
	defer h.flusher.mu.Unlock()
	return h.flusher.running
}

// SubjectOf returns the broker's subject of a topic.
func SubjectOf(t Topic) string { return subjectOf(t) }

// NotifyAtMost is Hub.Notify with another bound.
var NotifyAtMost = (*Hub).notify
