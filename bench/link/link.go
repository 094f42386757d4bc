// Package link is a bad network between two ends of this machine: a link with
// a rate, a delay, a queue that overflows, and loss, over which real TCP and
// real QUIC run.
//
//	l, err := link.New(ctx, &link.Config{
//		Path: link.Path{Rate: 10e6, Delay: 25 * time.Millisecond},
//		Seed: 1,
//	})
//	listener, err := l.B.Listen("tcp", ":0")
//	conn, err := l.A.Dial(ctx, "tcp", listener.Addr().String())
//
// Each end is a network namespace of its own with one TUN device, and this
// process carries the IP packets from one device to the other. The protocols
// above notice no difference to a router: they are the kernel's and the
// program's own, on sockets that live in the namespaces. See [Available] for
// what that needs.
//
// # What a packet meets
//
// Packets have at most [MTU] bytes: the devices offer no offloads, so the
// kernel cuts and sums what TCP and UDP hand down. Each direction has a
// drop-tail queue in front of a transmitter, which takes the time that the
// rate says for each packet, IP header included. What the queue has no room for
// is dropped. The wire behind the transmitter loses, duplicates, delays and
// reorders: a lost packet has used the rate. Only IPv4 is carried.
//
// # Determinism
//
// What happens to the n-th packet of a direction on the wire follows from the
// seed and n alone, also if the path is changed on the way. It does not make
// runs equal: which packet is the n-th, and when it comes, is up to the
// programs and to the machine, and so is what the queue drops.
//
// # Time
//
// A packet never arrives early. How late it arrives is up to the scheduler, and
// [Stats] says it: on two cores some 15 microseconds on average and 0.1 ms at
// worst, also beside programs that use up both. One thread carries both
// directions. It sleeps until a packet comes or is due, and is scheduled before
// all others that are not in a hurry. What it cannot be protected from is its
// own process: where that computes as well, milliseconds are lost between its
// goroutines, so busy ends are better processes of their own ([End.Start]). A
// queue that does not run empty keeps its rate, whatever the delays: what was
// late is made up for. Without a limit a link carries about 1 Gbit/s.
//
// # Goroutines
//
// A link has one goroutine until it is closed. All methods may be called by
// several goroutines at once.
package link

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// MTU is the size of the largest packet, in bytes.
const MTU = 1500

// ErrClosed is what ends say whose link is closed.
var ErrClosed = errors.New("link: closed")

// The addresses of the ends are the same on every link (RFC 5737, TEST-NET-1).
var (
	addrA = netip.AddrFrom4([4]byte{192, 0, 2, 1})
	addrB = netip.AddrFrom4([4]byte{192, 0, 2, 2})
)

// Config says what a link is at first.
type Config struct {
	// Path is what a packet meets from A to B, and from B to A unless Back
	// says otherwise.
	Path Path
	// Back is what a packet meets from B to A. Nil means the same as Path.
	Back *Path
	// Seed is where the random decisions come from. Zero is a seed like any
	// other. The two directions decide independently.
	Seed uint64
}

// A Link is two ends and what is between them.
type Link struct {
	// A and B are the ends. They do not change.
	A, B *End

	pump   *pump
	unbind func() bool // of the context
	close  func() error
}

// New makes a link. It is closed when ctx ends, at the latest; Close tells
// whether all went well. Nil is a link without limits. The error is of the
// configuration, or what Available would say.
func New(ctx context.Context, c *Config) (*Link, error) {
	if c == nil {
		c = new(Config)
	}
	way := c.Path
	if c.Back != nil {
		way = *c.Back
	}
	if err := errors.Join(c.Path.check(), way.check()); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	a, err := newNamespace(addrA)
	if err != nil {
		return nil, err
	}
	b, err := newNamespace(addrB)
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	forth, back := newDirections(c.Path, way, c.Seed)
	p, err := startPump(a, b, forth, back)
	if err != nil {
		return nil, errors.Join(err, a.close(), b.close())
	}
	l := &Link{pump: p}
	l.A = &End{pump: p, addr: addrA, out: forth, back: back, ns: a}
	l.B = &End{pump: p, addr: addrB, out: back, back: forth, ns: b}
	l.close = sync.OnceValue(func() error {
		return errors.Join(p.stop(), l.A.close(), l.B.close())
	})
	l.unbind = context.AfterFunc(ctx, func() { _ = l.close() })
	return l, nil
}

// Cut takes the link down in both directions, as if somebody had pulled the
// cable: what is on the way is lost, and so is whatever is sent until Restore.
// Nobody is told.
func (l *Link) Cut() { l.setCut(true) }

// Restore puts a link up again that was cut.
func (l *Link) Restore() { l.setCut(false) }

func (l *Link) setCut(cut bool) {
	l.pump.change(func(now time.Duration) {
		l.A.out.setCut(cut, now)
		l.B.out.setCut(cut, now)
	})
}

// Close takes the link down for good, with its devices and its goroutine. The
// namespaces are gone when the last socket and the last process in them are,
// which are their owners' to close. The error says why the link had stopped
// carrying packets, if it had. A second Close waits for the first, and returns
// the same.
func (l *Link) Close() error {
	l.unbind()
	return l.close()
}

// Available returns nil if this process can make links, and otherwise what is
// missing and how to get it. It makes a link to find out.
func Available() error {
	l, err := New(context.Background(), nil)
	if err != nil {
		return fmt.Errorf("links need Linux, root (CAP_NET_ADMIN and CAP_SYS_ADMIN) and /dev/net/tun "+
			"(modprobe tun; of a container: --cap-add NET_ADMIN,SYS_ADMIN --device /dev/net/tun): %w", err)
	}
	return l.Close()
}
