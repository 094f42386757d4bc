package server

import "net"

// Sockets returns the first sockets of a listener.
func Sockets(l *Listener) (net.Listener, net.PacketConn) { return l.tcp[0], l.udp[0] }
