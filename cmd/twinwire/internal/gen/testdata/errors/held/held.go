package held

import (
	"time"

	"github.com/twinwire/twinwire/state"
)

type Inner struct {
	Names []string
}

//twinwire:codec
type T struct {
	A state.Map[string, []int]
	B state.Map[string, *int]
	C state.Slice[Inner]
	D state.Slice[byte]
	E state.Map[int, state.Slice[time.Time]]
}

// want 15:2: state.Map[string, []int] holds []int, which could be changed without its knowing: use values, state.Map and state.Slice in it
// want 16:2: state.Map[string, *int] holds *int, which could be changed without its knowing: use values, state.Map and state.Slice in it
// want 17:2: state.Slice[Inner] holds []string, which could be changed without its knowing: use values, state.Map and state.Slice in it
// want 18:2: state.Slice[byte] is a binary to readers: use a slice of bytes
