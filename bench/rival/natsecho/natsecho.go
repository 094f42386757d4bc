// Package natsecho is NATS as a peer: its server is a part of the server's
// process, together with the program that answers, which is connected to it
// without a socket. Calls are requests, events are what is published to one
// subject. Everything is at its defaults.
package natsecho

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/twinwire/twinwire/bench/peer"
)

const (
	subjectEcho     = "bench.echo"
	subjectMessages = "bench.messages"
	subjectTicks    = "bench.ticks"

	// patience is how long a request may take.
	patience = 30 * time.Second
)

// Peer returns the peer.
func Peer() peer.Peer { return rival{} }

type rival struct{}

func (rival) Info() peer.Info {
	return peer.Info{
		Name:  "nats",
		Wire:  peer.TLS,
		Kind:  peer.Other,
		Can:   peer.Messages | peer.Events,
		Lacks: map[peer.Ability]string{peer.Values: "no streams; what it publishes is among the messages"},
	}
}

func (rival) Serve(host string, cert tls.Certificate) (peer.Server, error) {
	ns, err := natsserver.NewServer(&natsserver.Options{
		Host:      host,
		Port:      natsserver.RANDOM_PORT,
		TLSConfig: peer.ServerTLS(cert),
		NoSigs:    true,
		NoLog:     true,
	})
	if err != nil {
		return nil, err
	}
	ns.Start()
	s := &server{nats: ns}
	if err := s.answer(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

type server struct {
	peer.Tally
	nats *natsserver.Server
	conn *nats.Conn // of the program that answers and publishes
}

// answer connects the program to the server.
func (s *server) answer() (err error) {
	if !s.nats.ReadyForConnections(patience) {
		return errors.New("natsecho: the server does not start")
	}
	if s.conn, err = nats.Connect("", nats.InProcessServer(s.nats)); err != nil {
		return err
	}
	_, err = s.conn.Subscribe(subjectEcho, func(m *nats.Msg) { _ = m.Respond(m.Data) })
	if err != nil {
		return err
	}
	_, err = s.conn.Subscribe(subjectMessages, func(m *nats.Msg) {
		if m.Reply != "" {
			_ = m.Respond(nil)
			return
		}
		// What is out of order is not counted, and missed in the end.
		_ = s.Item(m.Data)
	})
	return errors.Join(err, s.conn.Flush())
}

func (s *server) Addr() string {
	addr := s.nats.Addr().(*net.TCPAddr)
	return net.JoinHostPort(addr.IP.String(), strconv.Itoa(addr.Port))
}

func (s *server) Publish(event []byte) error { return s.conn.Publish(subjectTicks, event) }

func (s *server) Close() error {
	if s.conn != nil {
		s.conn.Close()
	}
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
	return nil
}

func (rival) Dial(_ context.Context, addr string, opts peer.DialOptions) (peer.Conn, error) {
	// Nobody can cancel it; it gives up after two seconds.
	nc, err := nats.Connect("tls://"+addr, nats.Secure(peer.ClientTLS(opts.Certificate)))
	if err != nil {
		return nil, err
	}
	if opts.OnEvent != nil {
		_, err = nc.Subscribe(subjectTicks, func(m *nats.Msg) { opts.OnEvent(m.Data) })
		if err != nil {
			nc.Close()
			return nil, err
		}
	}
	return &conn{nc}, nil
}

type conn struct{ nats *nats.Conn }

func (c *conn) NewCaller() peer.Caller { return &caller{c.nats} }

func (c *conn) Messages() (peer.Sender, error) {
	return &sender{nats: c.nats, acks: make(chan error, maxUnacked)}, nil
}

func (c *conn) Close() error {
	c.nats.Close()
	return nil
}

type caller struct{ nats *nats.Conn }

func (c *caller) Call(payload []byte) ([]byte, error) {
	m, err := c.nats.Request(subjectEcho, payload, patience)
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

const (
	// ackEvery is how many messages go between two that are answered, and
	// maxUnacked how many of these are under way: a subscriber that has too many
	// messages waiting would lose some.
	ackEvery   = 512
	maxUnacked = 16
)

// sender publishes, and asks now and then how far the subscriber is.
type sender struct {
	nats    *nats.Conn
	sent    int
	unacked int
	acks    chan error
}

func (s *sender) Send(payload []byte) error {
	if s.sent++; s.sent%ackEvery == 0 {
		if s.unacked == maxUnacked {
			s.unacked--
			if err := <-s.acks; err != nil {
				return err
			}
		}
		s.ask()
	}
	return s.nats.Publish(subjectMessages, payload)
}

// ask begins a request that is answered after all messages before it.
func (s *sender) ask() {
	s.unacked++
	go func() { // ends with its request
		_, err := s.nats.Request(subjectMessages, nil, patience)
		s.acks <- err
	}()
}

func (s *sender) Close() error {
	var err error
	for ; s.unacked > 0; s.unacked-- {
		err = errors.Join(err, <-s.acks)
	}
	s.ask()
	return errors.Join(err, <-s.acks)
}
