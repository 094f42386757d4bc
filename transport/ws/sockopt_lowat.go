//go:build linux || darwin

package ws

import (
	"net"

	"golang.org/x/sys/unix"
)

// unsent is how many bytes may wait in the kernel that TCP has not sent yet.
// What waits there can no longer be overtaken by something more urgent; on a
// slow link the default is seconds of waiting.
const unsent = 16 << 10

// tune sets the socket options of a carrier. They are an improvement, so a
// system that refuses them is no error.
func tune(conn *net.TCPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent)
	})
}
