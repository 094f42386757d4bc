package foreign

import (
	"container/list"
	"sync"
)

//twinwire:codec
type T struct {
	Mutex sync.Mutex
	List  *list.List
}

// want 10:2: sync.Mutex has no exported fields: export some, or give it AppendMsgpack and ReadMsgpack
// want 11:2: list.List has no exported fields: export some, or give it AppendMsgpack and ReadMsgpack
