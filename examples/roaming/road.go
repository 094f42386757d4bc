package main

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
)

// A road is what lies between the client and the server: it carries TCP and
// UDP from one port, and breaks as networks do.
type road struct {
	tcp net.Listener
	udp *net.UDPConn
	wg  sync.WaitGroup

	mu     sync.Mutex
	target string                          // the server
	conns  map[net.Conn]struct{}           // both ends of what is carried
	flows  map[netip.AddrPort]*net.UDPConn // to the server, one for each client
	noTCP  bool
	noUDP  bool
}

// newRoad opens a road to a server.
func newRoad(target string) (*road, error) {
	r := &road{target: target, conns: make(map[net.Conn]struct{}), flows: make(map[netip.AddrPort]*net.UDPConn)}
	var err error
	for range 10 { // a port that is free for TCP need not be for UDP
		if r.tcp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, err
		}
		port := r.tcp.Addr().(*net.TCPAddr).Port
		if r.udp, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}); err == nil {
			r.wg.Go(r.carryTCP)
			r.wg.Go(r.carryUDP)
			return r, nil
		}
		r.tcp.Close()
	}
	return nil, err
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

// swallow has UDP vanish in silence, or lets it through again.
func (r *road) swallow(udp bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noUDP = udp
}

// shut lets nothing through any more.
func (r *road) shut() {
	r.mu.Lock()
	r.noTCP, r.noUDP = true, true
	r.mu.Unlock()
	r.cut()
}

// open lets everything through, to a server.
func (r *road) open(target string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.target = target
	r.endFlowsLocked()
	r.noTCP, r.noUDP = false, false
}

// close ends the road and waits for its goroutines.
func (r *road) close() {
	r.shut()
	r.tcp.Close()
	r.udp.Close()
	r.mu.Lock()
	r.endFlowsLocked()
	r.mu.Unlock()
	r.wg.Wait()
}

func (r *road) endFlowsLocked() {
	for _, c := range r.flows {
		c.Close()
	}
	clear(r.flows)
}

// carryTCP ends when the road is closed.
func (r *road) carryTCP() {
	for {
		c, err := r.tcp.Accept()
		if err != nil {
			return
		}
		s, err := r.through(c)
		if err != nil {
			c.Close()
			continue
		}
		for _, way := range [2][2]net.Conn{{c, s}, {s, c}} {
			r.wg.Go(func() { // ends when either connection does
				_, _ = io.Copy(way[0], way[1])
				c.Close()
				s.Close()
				r.mu.Lock()
				delete(r.conns, way[0])
				r.mu.Unlock()
			})
		}
	}
}

// through connects a connection to the server.
func (r *road) through(c net.Conn) (net.Conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.noTCP {
		return nil, errors.New("the road is shut")
	}
	s, err := net.Dial("tcp", r.target) // on this machine: at once
	if err != nil {
		return nil, err
	}
	r.conns[c], r.conns[s] = struct{}{}, struct{}{}
	return s, nil
}

// carryUDP ends when the road is closed.
func (r *road) carryUDP() {
	b := make([]byte, 64<<10)
	for {
		n, from, err := r.udp.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if flow := r.flow(from); flow != nil {
			_, _ = flow.Write(b[:n])
		}
	}
}

// flow returns the way of one client to the server, nil if there is none.
func (r *road) flow(from netip.AddrPort) *net.UDPConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.noUDP {
		return nil
	}
	flow := r.flows[from]
	if flow == nil {
		c, err := net.Dial("udp", r.target)
		if err != nil {
			return nil
		}
		flow = c.(*net.UDPConn)
		r.flows[from] = flow
		r.wg.Go(func() { r.back(flow, from) }) // ends when the flow is closed
	}
	return flow
}

// back carries what the server sends to one client.
func (r *road) back(flow *net.UDPConn, to netip.AddrPort) {
	b := make([]byte, 64<<10)
	for {
		n, err := flow.Read(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		r.mu.Lock()
		drop := r.noUDP
		r.mu.Unlock()
		if err == nil && !drop { // an error is that no server listens just now
			_, _ = r.udp.WriteToUDPAddrPort(b[:n], to)
		}
	}
}
