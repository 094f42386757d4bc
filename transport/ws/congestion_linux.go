package ws

import "golang.org/x/sys/unix"

// control asks for a congestion control, unless that is empty, and returns the
// one that is in force. What the kernel does not have, or does not let this user
// have (net.ipv4.tcp_allowed_congestion_control), changes nothing.
func control(fd int, congestion string) string {
	if congestion != "" {
		_ = unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, congestion)
	}
	inForce, err := unix.GetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION)
	if err != nil {
		return ""
	}
	for _, known := range []string{congestion, "cubic", "bbr", "reno"} {
		if inForce == known {
			return known // each connection would keep a copy otherwise
		}
	}
	return inForce
}
