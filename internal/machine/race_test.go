//go:build race

package machine

// raceEnabled says that the race detector slows everything down.
const raceEnabled = true
