package quic_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/quic"
)

// Datagrams of the largest size go both ways on both wires, beside lanes, and
// their reader ends with the carrier.
func TestDatagrams(t *testing.T) {
	server := newServer(t)
	for _, wire := range []string{"quic", "webtransport"} {
		t.Run(wire, func(t *testing.T) {
			l := server.listen(t, &quic.ListenOptions{WebTransport: served()})
			defer func() {
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			}()
			var client, accepted *quic.Carrier
			if wire == "quic" {
				client, accepted, _ = server.dial(t, l, &quic.DialOptions{})
			} else {
				client, accepted, _ = server.dialWebTransport(t, l, &quic.DialOptions{})
			}
			ended := make(chan struct{}, 2)
			arrived := make(map[*quic.Carrier]chan []byte)
			for _, c := range []*quic.Carrier{client, accepted} {
				if n := c.DatagramSize(); n != transport.MaxDatagram {
					t.Errorf("%v takes datagrams of %d bytes", c.Info(), n)
				}
				if err := c.SendDatagram(make([]byte, transport.MaxDatagram+1)); err == nil {
					t.Error("a datagram that is too large is taken")
				}
				got := make(chan []byte, 100)
				arrived[c] = got
				go func() {
					_ = c.Receive(func(int, []byte) error {
						c.DeliverDatagrams(func(b []byte) error { got <- slices.Clone(b); return nil })
						got <- nil // it reads them now
						return nil
					})
					close(got) // a datagram after Receive has returned is a panic
					ended <- struct{}{}
				}()
			}
			hello := frame.Append(nil, &frame.Frame{Kind: frame.Hello})
			if err := client.Send(0, hello); err != nil {
				t.Fatal(err)
			}
			<-arrived[accepted]
			if err := accepted.Send(0, hello); err != nil {
				t.Fatal(err)
			}
			<-arrived[client]
			for from, to := range map[*quic.Carrier]*quic.Carrier{client: accepted, accepted: client} {
				// They may be lost, even here.
				want := bytes.Repeat([]byte{7}, transport.MaxDatagram)
				tick := time.NewTicker(10 * time.Millisecond)
				for done := false; !done; {
					if err := from.SendDatagram(want); err != nil {
						t.Fatal(err)
					}
					select {
					case b := <-arrived[to]:
						if done = true; !bytes.Equal(b, want) {
							t.Errorf("another datagram has arrived: %d bytes", len(b))
						}
					case <-tick.C:
					case <-t.Context().Done():
						t.Fatal("no datagram arrives")
					}
				}
				tick.Stop()
			}
			client.Close(0, "")
			accepted.Close(0, "")
			<-ended
			<-ended
			client.Hangup()
		})
	}
}
