package address

import (
	"unsafe"
)

//twinwire:codec
type T struct {
	P uintptr
	Q unsafe.Pointer
}

// want 9:2: uintptr is an address, which means nothing to a peer: use uint64 for a number
// want 10:2: unsafe.Pointer is an address, which means nothing to a peer: use uint64 for a number
