//go:build !linux

package load

func newClock() (clock, error) { return newSleeper(), nil }
