package quic_test

import (
	"context"
	"crypto/tls"
	"log"
	"net"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport/quic"
)

func ExampleListen() {
	cert, err := tls.LoadX509KeyPair("cert.pem", "key.pem")
	if err != nil {
		log.Fatal(err)
	}
	conn, err := net.ListenPacket("udp", ":443")
	if err != nil {
		log.Fatal(err)
	}
	l, err := quic.Listen(conn, &quic.ListenOptions{
		TLS:       &tls.Config{Certificates: []tls.Certificate{cert}},
		CloseConn: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	for {
		c, err := l.Accept(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			// Each lane is echoed; it goes on while another one stalls.
			log.Print(c.Receive(c.Send))
		}()
	}
}

func ExampleDial() {
	c, err := quic.Dial(context.Background(), "localhost:443", nil)
	if err != nil {
		log.Fatal(err)
	}
	// The first batch of lane 0 begins with HELLO, and opens it.
	if err := c.Send(0, frame.Append(nil, &frame.Frame{Kind: frame.Hello})); err != nil {
		log.Fatal(err)
	}
}
