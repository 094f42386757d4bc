package echo

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// congestionControl returns what asks for a congestion control when a socket is
// made; nil for "".
func congestionControl(name string) func(network, address string, c syscall.RawConn) error {
	if name == "" {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			failed = os.NewSyscallError("TCP_CONGESTION",
				unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, name))
		})
		return errors.Join(err, failed)
	}
}
