package server

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport"
)

// A door bounds the connections of each network address before anything is
// done for them, which on both wires is before TLS. Whoever it turns away is
// not told why: telling would be the work that it saves.
type door struct {
	// Immutable.
	most      core.Admission
	counts    *core.Counts
	handshake time.Duration // how long one may last
	proxies   *Proxies      // who may come as often as they like

	mu       sync.Mutex
	visitors map[netip.Prefix]*visitor
	swept    time.Time
	open     int
}

// retryAfter returns after how many seconds somebody who was turned away may be
// told to come back, another time for each.
func (d *door) retryAfter() int {
	least := max(1, int(d.most.RetryAfter.Seconds()))
	return least + rand.IntN(least+1)
}

// A visitor is an address that connections come from.
type visitor struct {
	open     int // connections
	sessions int // that began from here and have not ended
	// bucket is for connections from here, and doubtful for those that only say
	// so, of QUIC: what others pretend must not shut anybody out.
	bucket, doubtful *rate.Limiter
	// beyond is how many connections were let in beyond the bucket, as of since:
	// as many as there are sessions may be, so that they can be resumed, and it
	// falls by as many in the time for which a handshake may last.
	beyond float64
	since  time.Time
}

// comesBack lets a connection in beyond the bucket, if there may be one.
func (v *visitor) comesBack(now time.Time, handshake time.Duration) bool {
	all := float64(v.sessions)
	v.beyond = max(0, v.beyond-all*now.Sub(v.since).Seconds()/handshake.Seconds())
	v.since = now
	if v.beyond+1 > all {
		return false
	}
	v.beyond++
	return true
}

// idle reports whether there is nothing to remember of the visitor.
func (v *visitor) idle(now time.Time, burst int) bool {
	full := float64(burst)
	return v.open == 0 && v.sessions == 0 && v.bucket.TokensAt(now) >= full && v.doubtful.TokensAt(now) >= full
}

func newDoor(limits core.Limits, counts *core.Counts) *door {
	return &door{most: limits.Admission, counts: counts, handshake: limits.HandshakeTime, visitors: make(map[netip.Prefix]*visitor)}
}

// sweepTime is how often visitors are looked through for such as are not worth
// remembering. It is also the time in which their number can double.
const sweepTime = time.Second

// visitorLocked returns the visitor of an address.
func (d *door) visitorLocked(from netip.Prefix, now time.Time) *visitor {
	v := d.visitors[from]
	if v == nil {
		if now.Sub(d.swept) >= sweepTime {
			d.swept = now
			for at, v := range d.visitors {
				if v.idle(now, d.most.ConnectBurst) {
					delete(d.visitors, at)
				}
			}
		}
		perSecond := rate.Limit(d.most.ConnectRate)
		v = &visitor{bucket: rate.NewLimiter(perSecond, d.most.ConnectBurst), doubtful: rate.NewLimiter(perSecond, d.most.ConnectBurst)}
		d.visitors[from] = v
	}
	return v
}

// enter reports whether a connection from an address may be served. Its pass is
// to be given back when it has ended.
func (d *door) enter(from netip.Prefix) (p *pass, ok bool) {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.visitorLocked(from, now)
	switch {
	case v.open >= d.most.AddressConnections:
		d.counts.Add(core.LimitConnections)
		return nil, false
	case !v.bucket.AllowN(now, 1) && !v.comesBack(now, d.handshake):
		d.counts.Add(core.LimitConnectRate)
		return nil, false
	}
	v.open++
	d.open++
	return &pass{door: d, visitor: v}, true
}

// A pass is a connection that the door has let in.
type pass struct {
	door    *door
	visitor *visitor // nil once it has left; guarded by the door's mu
}

// leave ends the pass, once.
func (p *pass) leave() {
	p.door.mu.Lock()
	defer p.door.mu.Unlock()
	if p.visitor != nil {
		p.visitor.open--
		p.door.open--
		p.visitor = nil
	}
}

// doubts reports whether a packet that says it is from an address has to prove
// it, because so many have said so.
func (d *door) doubts(from netip.Prefix) bool {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.visitorLocked(from, now).doubtful.AllowN(now, 1)
}

// began notes that a session began from an address, and ended that it is over.
func (d *door) began(from netip.Prefix) { d.settle(from, 1) }
func (d *door) ended(from netip.Prefix) { d.settle(from, -1) }

func (d *door) settle(from netip.Prefix, n int) {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.visitorLocked(from, now).sessions += n
}

// connections returns how many there are.
func (d *door) connections() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}

// guard puts the door in front of a listener.
func (d *door) guard(l net.Listener) net.Listener { return &guarded{l, d} }

type guarded struct {
	net.Listener
	door *door
}

// Accept returns the next connection that may be served, and closes others.
func (g *guarded) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := transport.NetworkOf(conn.RemoteAddr().String())
		if !from.IsValid() || g.door.proxies.trusts(from.Addr()) {
			return conn, nil // of no network, or for a client who is asked later
		}
		if p, ok := g.door.enter(from); ok {
			return &guest{conn, p}, nil
		}
		if tcp, ok := conn.(interface{ SetLinger(sec int) error }); ok {
			_ = tcp.SetLinger(0) // nothing of it stays in the kernel either
		}
		_ = conn.Close() // there is nobody to tell
	}
}

// A guest is a connection that was let in.
type guest struct {
	net.Conn
	pass *pass
}

// NetConn returns the connection itself.
func (g *guest) NetConn() net.Conn { return g.Conn }

// Close closes the connection, which then no longer counts.
func (g *guest) Close() error {
	g.pass.leave()
	return g.Conn.Close()
}
