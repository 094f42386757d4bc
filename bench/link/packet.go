package link

import "time"

// A packet is a packet and what becomes of it. It is in one list at most.
type packet struct {
	next *packet

	due    time.Duration // once it flies
	lost   bool
	twice  bool
	held   bool
	jitter float64 // 0 to 1

	size int
	// There is room for more than the largest packet, to notice what is
	// larger.
	buf [2048]byte
}

const (
	protocolAt  = 9  // where the header of IPv4 says what is behind it
	protocolUDP = 17 // RFC 768
)

// udp reports whether the packet is one of UDP, or a fragment of one.
func (p *packet) udp() bool { return p.size > protocolAt && p.buf[protocolAt] == protocolUDP }

// A list is a queue of packets.
type list struct {
	first, last *packet
	length      int
}

func (l *list) push(p *packet) {
	p.next = nil
	if l.last == nil {
		l.first = p
	} else {
		l.last.next = p
	}
	l.last = p
	l.length++
}

// pop returns the first packet, or nil.
func (l *list) pop() *packet {
	p := l.first
	if p == nil {
		return nil
	}
	l.first = p.next
	if l.first == nil {
		l.last = nil
	}
	p.next = nil
	l.length--
	return p
}
