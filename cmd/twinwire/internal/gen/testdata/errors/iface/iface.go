package iface

import (
	"fmt"
)

//twinwire:codec
type T struct {
	S fmt.Stringer
	E error
}

// want 9:2: fmt.Stringer is an interface, and nothing says which type to read: use a struct with a field for each, or give a type AppendMsgpack and ReadMsgpack
// want 10:2: error is an interface, and nothing says which type to read: use a struct with a field for each, or give a type AppendMsgpack and ReadMsgpack
