package complex

//twinwire:codec
type T struct {
	C complex128
}

// want 5:2: complex128 is a complex number, which MessagePack does not have: use a struct of two floats
