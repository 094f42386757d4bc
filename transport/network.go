//go:build !js

package transport

import "net/netip"

// NetworkOf returns what an address, host:port, is counted as where peers are
// counted by where they come from: an IPv4 address by itself, one of IPv6 with
// all of its /64, which is what one customer has. It is the zero Prefix for an
// address that is none of the network, as of an in-memory pipe.
func NetworkOf(address string) netip.Prefix {
	if at, err := netip.ParseAddrPort(address); err == nil {
		return networkOf(at.Addr())
	}
	at, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}
	}
	return networkOf(at)
}

func networkOf(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits) // the address is valid, and so long
	return p
}
