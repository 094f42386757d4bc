package main

import (
	"slices"
	"testing"
	"time"

	"github.com/twinwire/twinwire/bench/load"
	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/scenario"
)

func TestWebSocketWins(t *testing.T) {
	n := scenario.Network{Rate: 10e6, Trip: 20 * time.Millisecond, Loss: 0.01}
	loaded := func(p99 time.Duration, mbit float64) scenario.Loaded {
		return scenario.Loaded{Rate: mbit * 1e6 / 8, Latency: load.Latency{Count: 1, P99: p99}}
	}
	tests := []struct {
		name     string
		ws, quic scenario.Loaded
		want     []string
	}{
		{"QUIC wins", loaded(80*time.Millisecond, 5), loaded(40*time.Millisecond, 9), nil},
		{"hardly better", loaded(40*time.Millisecond, 9), loaded(43*time.Millisecond, 8.5), nil},
		{"calls", loaded(40*time.Millisecond, 9), loaded(60*time.Millisecond, 9), []string{"10mbit-20ms-1%, p99 of calls: 40 ms against 60 ms"}},
		{"stream", loaded(40*time.Millisecond, 9), loaded(40*time.Millisecond, 5), []string{"10mbit-20ms-1%, stream: 9.0 against 5.0 Mbit/s"}},
		{"no calls", scenario.Loaded{}, loaded(40*time.Millisecond, 5), nil},
	}
	for _, tt := range tests {
		got := webSocketWins(n, map[peer.Wire]scenario.Loaded{peer.TLS: tt.ws, peer.QUIC: tt.quic})
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := webSocketWins(n, map[peer.Wire]scenario.Loaded{peer.TLS: loaded(1, 1)}); got != nil {
		t.Errorf("without QUIC: %q", got)
	}
}
