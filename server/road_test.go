package server_test

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/twinwire/twinwire/server"
)

// A road is what lies between clients and a server: it carries TCP and UDP to
// the same port and can be broken, as networks are.
type road struct {
	tcp    net.Listener
	udp    *net.UDPConn
	target string
	delay  atomic.Int64 // of what passes connections that begin from now on, one way

	mu      sync.Mutex
	conns   map[net.Conn]struct{}
	flows   map[netip.AddrPort]*net.UDPConn
	lanes   map[*net.UDPConn]*lane // to the server
	frozen  map[net.Conn]bool
	lost    map[netip.AddrPort]bool // whose datagrams were swallowed
	noTCP   bool
	refused int // by TCP
	noUDP   bool
	narrow  *rate.Limiter // how much UDP has room, each way; nil for any
	closed  bool
	wg      sync.WaitGroup
}

// newRoad opens a road to a server.
func newRoad(t *testing.T, target string) *road {
	t.Helper()
	r := &road{target: target, conns: map[net.Conn]struct{}{}, flows: map[netip.AddrPort]*net.UDPConn{}, frozen: map[net.Conn]bool{}, lost: map[netip.AddrPort]bool{}, lanes: map[*net.UDPConn]*lane{}}
	// A server's listener finds a port that is free for both.
	l, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr()
	_ = l.Close()
	if r.tcp, err = net.Listen("tcp", addr); err != nil {
		t.Fatal(err)
	}
	udp, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if r.udp, err = net.ListenUDP("udp", udp); err != nil {
		t.Fatal(err)
	}
	r.wg.Go(r.carryTCP)
	r.wg.Go(r.carryUDP)
	t.Cleanup(func() {
		r.mu.Lock()
		r.closed = true
		r.mu.Unlock()
		r.tcp.Close()
		r.udp.Close()
		r.cut()
		r.mu.Lock()
		for _, c := range r.flows {
			c.Close()
		}
		r.mu.Unlock()
		r.wg.Wait()
	})
	return r
}

func (r *road) addr() string { return r.tcp.Addr().String() }

// cut breaks all TCP connections.
func (r *road) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.Close()
	}
}

// rebind has each UDP client appear at another port, as a NAT does that has
// forgotten it.
func (r *road) rebind() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for from, c := range r.flows {
		c.Close()
		delete(r.flows, from)
	}
}

// freeze has what is sent over the TCP connections that there are arrive
// nowhere, and tells nobody; new ones are as good as ever.
func (r *road) freeze() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		r.frozen[c] = true
	}
}

// refusals returns how many dialed by TCP and were refused.
func (r *road) refusals() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused
}

// clients returns how many addresses there are UDP clients at.
func (r *road) clients() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.flows)
}

// block drops UDP in silence, and refuses TCP, or does not.
func (r *road) block(udp, tcp bool) {
	r.mu.Lock()
	r.noUDP, r.noTCP = udp, tcp
	r.mu.Unlock()
}

// narrowUDP drops the UDP that is beyond so many bytes a second.
func (r *road) narrowUDP(bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.narrow = rate.NewLimiter(rate.Limit(bytes), bytes/10)
}

// fitsLocked reports whether a datagram has room. mu is held.
func (r *road) fitsLocked(n int) bool { return r.narrow == nil || r.narrow.AllowN(time.Now(), n) }

// looks returns how many dialed by UDP and were not let through.
func (r *road) looks() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.lost)
}

func (r *road) carryTCP() {
	for {
		c, err := r.tcp.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		refuse := r.noTCP || r.closed
		r.mu.Unlock()
		if refuse {
			r.mu.Lock()
			r.refused++
			r.mu.Unlock()
			c.Close()
			continue
		}
		s, err := net.Dial("tcp", r.target)
		if err != nil {
			c.Close()
			continue
		}
		r.mu.Lock()
		r.conns[c], r.conns[s] = struct{}{}, struct{}{}
		r.mu.Unlock()
		for _, way := range [2][2]net.Conn{{c, s}, {s, c}} {
			r.wg.Go(func() {
				to := r.lane(slope{way[0], r}.Write)
				_, _ = io.Copy(to, way[1])
				to.end()
				c.Close()
				s.Close()
				r.mu.Lock()
				delete(r.conns, way[0])
				r.mu.Unlock()
			})
		}
	}
}

// A slope is a connection that may be frozen.
type slope struct {
	net.Conn
	road *road
}

func (s slope) Write(b []byte) (int, error) {
	s.road.mu.Lock()
	frozen := s.road.frozen[s.Conn]
	s.road.mu.Unlock()
	if frozen {
		return len(b), nil
	}
	return s.Conn.Write(b)
}

func (r *road) carryUDP() {
	b := make([]byte, 64<<10)
	for {
		n, from, err := r.udp.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		r.mu.Lock()
		drop, flow := r.noUDP || r.closed || !r.fitsLocked(n), r.flows[from]
		if drop && flow == nil {
			r.lost[from] = true
		}
		r.mu.Unlock()
		if drop {
			continue
		}
		if flow == nil {
			c, err := net.Dial("udp", r.target)
			if err != nil {
				return
			}
			flow = c.(*net.UDPConn)
			r.mu.Lock()
			r.flows[from], r.lanes[flow] = flow, r.lane(flow.Write)
			r.mu.Unlock()
			r.wg.Go(func() {
				r.back(flow, from)
				r.mu.Lock()
				to := r.lanes[flow]
				delete(r.lanes, flow)
				r.mu.Unlock()
				to.end()
			})
		}
		r.mu.Lock()
		if to := r.lanes[flow]; to != nil {
			_, _ = to.Write(b[:n])
		}
		r.mu.Unlock()
	}
}

// back carries what the server answers to one client.
func (r *road) back(flow *net.UDPConn, to netip.AddrPort) {
	way := r.lane(func(b []byte) (int, error) { return r.udp.WriteToUDPAddrPort(b, to) })
	defer way.end()
	b := make([]byte, 64<<10)
	for {
		n, err := flow.Read(b)
		if err != nil {
			return
		}
		r.mu.Lock()
		drop := r.noUDP || !r.fitsLocked(n)
		r.mu.Unlock()
		if !drop {
			_, _ = way.Write(b[:n])
		}
	}
}

// A lane is one direction of a connection, on which everything is late by what
// the road's delay was when it began.
type lane struct {
	write func(b []byte) (int, error)
	delay time.Duration
	queue chan parcel // nil without delay
	done  chan struct{}
}

// A parcel is what is to be written at a time.
type parcel struct {
	b  []byte
	at time.Time
}

func (r *road) lane(write func(b []byte) (int, error)) *lane {
	l := &lane{write: write, delay: time.Duration(r.delay.Load()), done: make(chan struct{})}
	if l.delay == 0 {
		close(l.done)
		return l
	}
	l.queue = make(chan parcel, 4096)
	go func() { // ends with the lane, which waits for it
		defer close(l.done)
		for v := range l.queue {
			<-time.After(time.Until(v.at))
			_, _ = l.write(v.b)
		}
	}()
	return l
}

func (l *lane) Write(b []byte) (int, error) {
	if l.queue == nil {
		return l.write(b)
	}
	l.queue <- parcel{bytes.Clone(b), time.Now().Add(l.delay)}
	return len(b), nil
}

// end waits until everything was written.
func (l *lane) end() {
	if l.queue != nil {
		close(l.queue)
	}
	<-l.done
}
