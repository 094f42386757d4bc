package keys

import (
	"github.com/twinwire/twinwire/events"
)

//twinwire:codec
type T struct {
	A map[float64]int
	B map[bool]string
	C map[[2]int]string
	D map[events.Topic]int
}

// want 9:2: map[float64]int has keys that are neither strings nor integers: use such a key, or a slice of structs
// want 10:2: map[bool]string has keys that are neither strings nor integers: use such a key, or a slice of structs
// want 11:2: map[[2]int]string has keys that are neither strings nor integers: use such a key, or a slice of structs
// want 12:2: map[events.Topic]int has keys that encode themselves: use plain strings or integers
