package core

import (
	"context"
	"sync/atomic"
)

// A dialogue is an authentication that is under way while its carrier, or its
// session, goes on reading.
type dialogue struct {
	proofs chan []byte // has room for one
	wants  atomic.Bool // a challenge was sent, and no proof has come
	cancel context.CancelFunc
}
