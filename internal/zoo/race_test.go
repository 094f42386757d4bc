//go:build race

package zoo

// raceEnabled says that the race detector slows everything down.
const raceEnabled = true
