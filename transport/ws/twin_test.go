package ws_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/ws"
)

// A twinned is a carrier with a second connection, and its peer.
type twinned struct {
	client, server *ws.Carrier
	second         <-chan struct{} // is closed when the server's has ended
	conns          chan net.Conn   // of the client, in the order in which they were dialed
	toClient       chan []byte     // datagrams
	toServer       chan []byte
	ended          chan error // what Receive of both returned
}

// pairTwins connects, and has both sides read datagrams. Refuse is what delivering
// one to the server returns.
func pairTwins(t *testing.T, secure bool, refuse error) *twinned {
	t.Helper()
	s := listen(t, secure)
	p := &twinned{conns: make(chan net.Conn, 4), toClient: make(chan []byte, 9), toServer: make(chan []byte, 9), ended: make(chan error, 2)}
	var err error
	p.client, err = ws.Dial(t.Context(), s.url, &ws.Options{
		TLS:  &tls.Config{RootCAs: s.roots},
		Twin: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			p.conns <- conn
			return conn, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.server = <-s.accepted
	for _, c := range []*ws.Carrier{p.client, p.server} {
		if c.DatagramSize() != transport.MaxDatagram || !c.Beside() {
			t.Errorf("datagrams of %d bytes, beside the lanes: %v", c.DatagramSize(), c.Beside())
		}
		go func() { p.ended <- c.Receive(func(int, []byte) error { return nil }) }()
	}
	if len(p.conns) != 1 {
		t.Error("there is a second connection before there is anything to send")
	}
	deliver := func(to chan []byte, err error) func([]byte) error {
		return func(b []byte) error { to <- slices.Clone(b); return err }
	}
	p.client.DeliverDatagrams(deliver(p.toClient, nil))
	p.second = <-s.seconds
	p.server.DeliverDatagrams(deliver(p.toServer, refuse))
	return p
}

// send sends a datagram as soon as there is a second connection.
func send(t *testing.T, c *ws.Carrier, b []byte) {
	t.Helper()
	for c.SendDatagram(b) != nil {
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("no datagram is taken")
		}
	}
}

func (p *twinned) close(t *testing.T) {
	t.Helper()
	p.client.Close(0, "")
	for range 2 {
		<-p.ended
	}
	<-p.second
	if p.client.SendDatagram(message(1)) == nil || p.server.SendDatagram(message(1)) == nil {
		t.Error("a carrier that has ended sends a datagram")
	}
}

// Datagrams arrive in both directions over a second connection, which ends with
// the carrier.
func TestTwin(t *testing.T) {
	for name, secure := range map[string]bool{"Plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			p := pairTwins(t, secure, nil)
			for n := 1; n <= 1000; n *= 10 {
				b := message(n)
				send(t, p.client, b)
				send(t, p.server, b)
				if !slices.Equal(<-p.toServer, b) || !slices.Equal(<-p.toClient, b) {
					t.Errorf("a datagram of %d bytes changes on its way", len(b))
				}
			}
			if err := p.client.SendDatagram(make([]byte, transport.MaxDatagram+1)); err == nil {
				t.Error("a datagram over the limit is taken")
			}
			if len(p.conns) != 2 {
				t.Errorf("there are %d connections", len(p.conns))
			}
			p.close(t)
		})
	}
}

// The carrier goes on without its second connection.
func TestTwinLost(t *testing.T) {
	p := pairTwins(t, true, nil)
	send(t, p.client, message(1))
	<-p.toServer
	<-p.conns
	_ = (<-p.conns).Close()
	<-p.second
	if err := p.client.Send(0, message(1)); err != nil {
		t.Error(err)
	}
	if err := p.server.SendDatagram(message(1)); err == nil {
		t.Error("a datagram is taken without a connection")
	}
	p.close(t)
}

// What is wrong with a datagram ends the carrier.
func TestTwinRefused(t *testing.T) {
	p := pairTwins(t, false, &transport.CloseError{Code: twinwire.ProtocolError, Reason: "none of yours"})
	send(t, p.client, message(1))
	for range 2 {
		var closed *transport.CloseError
		if err := <-p.ended; !errors.As(err, &closed) || closed.Code != twinwire.ProtocolError || closed.Reason != "none of yours" {
			t.Errorf("the carrier ended with %v", err)
		}
	}
	<-p.second
}

// Nobody is the second connection of a carrier that there is not.
func TestTwinOfNobody(t *testing.T) {
	s := listen(t, false)
	for id, status := range map[string]int{strings.Repeat("ab", 16): http.StatusNotFound, "ab": http.StatusBadRequest, "": http.StatusBadRequest} {
		d := websocket.Dialer{Subprotocols: []string{"twinwire.1.twin"}}
		_, resp, err := d.Dial(s.url, http.Header{ws.TwinHeader: {id}})
		if err == nil || resp == nil || resp.StatusCode != status {
			t.Errorf("id %q: %v, %v", id, resp, err)
		}
	}
	client, server, _ := s.pair(t, 0)
	for _, c := range []*ws.Carrier{client, server} {
		if c.DatagramSize() != 0 || c.SendDatagram(message(1)) == nil {
			t.Error("a carrier without a second connection takes datagrams")
		}
		c.DeliverDatagrams(func([]byte) error { return nil })
		c.Close(0, "")
	}
}
