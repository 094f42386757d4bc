//go:build !unix

package ws

import (
	"syscall"

	"github.com/twinwire/twinwire/transport/internal/eager"
)

// canTry says that try writes without waiting.
const canTry = false

func readOr(syscall.RawConn, []byte, func() bool, *eager.Reader) (int, error) {
	panic("ws: a read that cannot be tried")
}

func try(syscall.RawConn, []byte) (int, error) { panic("ws: a write that cannot wait") }

func awaitWritable(syscall.RawConn) error { panic("ws: a write that cannot wait") }
