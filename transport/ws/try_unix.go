//go:build unix

package ws

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// canTry says that try writes without waiting.
const canTry = true

// try writes as much of b as the kernel takes at once.
func try(raw syscall.RawConn, b []byte) (n int, err error) {
	failed := raw.Write(func(fd uintptr) bool {
		for n < len(b) {
			var k int
			k, err = unix.Write(int(fd), b[n:])
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil {
				break
			}
			n += k
		}
		return true
	})
	switch {
	case failed != nil:
		return n, failed
	case errors.Is(err, unix.EAGAIN):
		return n, nil
	case err != nil:
		return n, os.NewSyscallError("write", err)
	}
	return n, nil
}
