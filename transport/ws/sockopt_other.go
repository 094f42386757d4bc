//go:build !linux && !darwin

package ws

import "net"

// tune sets the socket options of a carrier: there are none here.
func tune(*net.TCPConn, string) string { return "" }
