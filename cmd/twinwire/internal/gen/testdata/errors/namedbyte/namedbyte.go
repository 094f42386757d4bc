package namedbyte

type Byte byte

//twinwire:codec
type T struct {
	A []Byte
}

// want 7:2: Byte makes no binary and no array of numbers that all readers agree on: use byte, or uint16
