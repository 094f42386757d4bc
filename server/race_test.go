//go:build race

package server_test

// raceEnabled says that the race detector slows everything down.
const raceEnabled = true
