package transport

// MaxDatagram is the most bytes of a datagram, on every wire: what fits a
// packet on any path.
const MaxDatagram = 1100

// Datagrams is a carrier that takes datagrams beside its lanes. They may be
// lost, and may arrive in any order; none arrives in part, or changed.
type Datagrams interface {
	Carrier

	// DatagramSize returns how many bytes a datagram may have, at most
	// MaxDatagram, and 0 where the peer takes none. It does not change.
	DatagramSize() int

	// SendDatagram hands one datagram to the wire, and the caller may use b
	// again. It may wait while others wait to leave. The error says that the
	// datagram is lost; the end of the carrier is Receive's to tell.
	SendDatagram(b []byte) error

	// DeliverDatagrams has the datagrams of the peer given to deliver, one after
	// another, in a goroutine that ends with the carrier. It is called at most
	// once, while Receive calls its own deliver, and what is said there of
	// deliver, its error and its end holds for this one. Until it is called
	// datagrams may be lost.
	DeliverDatagrams(deliver func(b []byte) error)
}

// Beside is a carrier whose datagrams travel beside it, in another connection,
// which may not be there: what is sent by datagram has to be in a lane as well.
type Beside interface {
	Datagrams

	// Beside reports whether that is so. It does not change.
	Beside() bool
}
