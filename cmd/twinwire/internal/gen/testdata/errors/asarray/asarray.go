package asarray

//twinwire:codec
type T struct {
	A []int  `msgpack:",as_array"`
	B string `msgpack:",intern"`
}

// want 5:2: tag of field A asks for an encoding that the protocol does not have: remove as_array and intern
// want 6:2: tag of field B asks for an encoding that the protocol does not have: remove as_array and intern
