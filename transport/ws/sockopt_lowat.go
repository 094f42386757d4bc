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

// tune sets the socket options of a carrier, and asks for a congestion control
// unless that is empty. They are an improvement, so a system that refuses them is
// no error. It returns the congestion control that is in force, if that is known.
func tune(conn *net.TCPConn, congestion string) (inForce string) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return ""
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent)
		inForce = control(int(fd), congestion)
	})
	return inForce
}
