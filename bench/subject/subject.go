// Package subject is twinwire as a peer: one service with an echo, written by
// hand the way generated code is, and one topic. Everything is at its
// defaults, as a program has it that sets nothing, but for what bounds the
// clients of one address.
package subject

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"sync"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/server"
)

const (
	methodEcho      = "bench.Echo"
	methodSubscribe = "bench.Subscribe"
	family          = "bench"
	topic           = events.Topic("ticks")
)

// Peers returns twinwire over each of its wires, and without one.
func Peers() []peer.Peer {
	return []peer.Peer{
		&subject{info: peer.Info{Name: "twinwire-wss", Wire: peer.TLS, Kind: peer.Subject, Can: abilities}, scheme: "wss://"},
		&subject{info: peer.Info{Name: "twinwire-quic", Wire: peer.QUIC, Kind: peer.Subject, Can: abilities}, scheme: "quic://"},
		memory{},
	}
}

// NetworkPeers returns twinwire as it is measured across networks: over
// WebSocket with the usual congestion control, and with BBR and a second
// connection, over QUIC, with the choice, and with the choice and BBR and the wires
// compared.
func NetworkPeers() []peer.Peer {
	return []peer.Peer{
		&subject{info: peer.Info{Name: "twinwire-wss-cubic", Wire: peer.TLS, Kind: peer.Subject, Can: abilities}, scheme: "wss://", congestion: "cubic"},
		&subject{info: peer.Info{Name: "twinwire-wss-bbr-twin", Wire: peer.TLSBBR, Kind: peer.Subject, Can: abilities}, scheme: "wss://", congestion: "bbr", twin: true},
		&subject{info: peer.Info{Name: "twinwire-quic", Wire: peer.QUIC, Kind: peer.Subject, Can: abilities}, scheme: "quic://"},
		&subject{info: peer.Info{Name: "twinwire", Wire: peer.Both, Kind: peer.Subject, Can: abilities}, congestion: "cubic"},
		&subject{info: peer.Info{Name: "twinwire-compares", Wire: peer.Both, Kind: peer.Subject, Can: abilities}, congestion: "bbr", compares: true},
	}
}

type subject struct {
	info       peer.Info
	scheme     string // "" for the choice
	congestion string // of TCP; "" for the system's
	twin       bool   // client.Options.Twin
	compares   bool   // client.Options.CompareWires
}

func (s *subject) Info() peer.Info { return s.info }

// source is the certificate of a run.
type source tls.Certificate

func (s *source) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return (*tls.Certificate)(s), nil
}

func (s *subject) Serve(host string, cert tls.Certificate) (peer.Server, error) {
	l, err := server.Listen(net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	srv := &twinServer{addr: l.Addr(), server: &server.Server{
		Certs:      (*source)(&cert),
		Limits:     oneAddress,
		Congestion: s.congestion,
	}}
	srv.server.Handle(srv.service())
	srv.done.Go(func() { srv.failed = srv.server.Serve(l) })
	return srv, nil
}

// oneAddress is the one setting that a run needs: all its clients come from one
// address, and at once.
var oneAddress = &core.Limits{Admission: core.Admission{AddressSessions: -1, AddressConnections: -1, ConnectRate: -1, ConnectBurst: -1, RetryAbove: -1}}

// twinServer serves both wires; the clients of a run use one.
type twinServer struct {
	peer.Tally
	addr   string
	server *server.Server
	hub    events.Hub
	done   sync.WaitGroup // Serve
	failed error          // what Serve returned; once done
}

func (s *twinServer) service() *core.Service {
	return &core.Service{Name: "bench", Methods: map[string]core.Method{
		methodEcho:      answerEcho,
		methodSubscribe: s.subscribe,
		methodUpload:    s.upload,
		methodDownload:  s.download,
		methodValues:    s.values,
		methodMessage:   s.message,
	}}
}

// subscribe subscribes to so many topics, or to the one of Publish.
func (s *twinServer) subscribe(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
	var topics codec.Value[int]
	if err := r.Decode(&topics); err != nil {
		return nil, err
	}
	if topics.V == 0 {
		return nil, s.hub.Subscribe(r.Session(), topic)
	}
	for i := range topics.V {
		if err := s.hub.Subscribe(r.Session(), topicOf(i)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func topicOf(number int) events.Topic { return events.Topic("ticks/" + strconv.Itoa(number)) }

// answerEcho is the handler that everything else is measured around.
func answerEcho(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
	payload := new(codec.Value[[]byte])
	err := r.Decode(payload)
	return payload, err
}

func (s *twinServer) Addr() string { return s.addr }

func (s *twinServer) Publish(event []byte) error {
	return s.hub.Emit(context.Background(), topic, tick{event})
}

func (s *twinServer) PublishTo(number int, event []byte) error {
	return s.hub.Emit(context.Background(), topicOf(number), tick{event})
}

func (s *twinServer) Close() error {
	err := s.server.Close()
	s.hub.Close()
	s.done.Wait()
	if !errors.Is(s.failed, server.ErrClosed) {
		err = errors.Join(err, s.failed)
	}
	return err
}

func (s *subject) Dial(ctx context.Context, addr string, opts peer.DialOptions) (peer.Conn, error) {
	session, err := client.Dial(ctx, s.scheme+addr, &client.Options{
		Pins:         []certs.Pin{certs.PinOf(opts.Certificate)},
		Congestion:   s.congestion,
		Twin:         s.twin,
		CompareWires: s.compares,
	})
	if err != nil {
		return nil, err
	}
	c := &conn{session: session}
	if opts.OnEvent == nil {
		return c, nil
	}
	stream := events.StreamOf(events.ReceiverOf(session, family), readTick)
	c.done.Go(func() { receive(stream, opts.OnEvent) })
	if err := session.Call(ctx, methodSubscribe, codec.Value[int]{V: opts.Topics}, nil); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// receive runs until the session has ended.
func receive(stream *events.Stream[tick], onEvent func([]byte)) {
	for ev := range stream.Events(context.Background()) {
		// What was missed, and what could not be read, is seen by its number.
		onEvent(ev.Event.payload)
	}
}

type conn struct {
	session *core.Session
	done    sync.WaitGroup // receive
}

func (c *conn) NewCaller() peer.Caller { return &caller{session: c.session} }

// Wire is one of peer.TLS and peer.QUIC.
func (c *conn) Wire() peer.Wire {
	if c.session.Transport().Wire == "quic" {
		return peer.QUIC
	}
	return peer.TLS
}

// Close returns no error where the peer was the first to close.
func (c *conn) Close() error {
	_ = c.session.Close()
	c.done.Wait()
	return nil
}

// caller owns what a call is made of.
type caller struct {
	session     *core.Session
	args, reply blob
}

func (c *caller) Call(payload []byte) ([]byte, error) {
	c.args = payload
	err := c.session.Call(context.Background(), methodEcho, &c.args, &c.reply)
	return c.reply, err
}

// blob is a payload whose memory is used again.
type blob []byte

func (b *blob) AppendMsgpack(to []byte) ([]byte, error) { return codec.AppendBytes(to, *b), nil }

func (b *blob) ReadMsgpack(r *codec.Reader) error {
	*b = append((*b)[:0], r.BorrowBytes()...)
	return r.Err()
}

// tick is the one event there is.
type tick struct{ payload []byte }

func (tick) EventType() string { return family + ".Tick" }

func (t tick) AppendMsgpack(to []byte) ([]byte, error) { return codec.AppendBytes(to, t.payload), nil }

func readTick(typ string, r *codec.Reader) (tick, error) {
	if typ != (tick{}).EventType() {
		return tick{}, events.ErrUnknownType
	}
	// The payload lives as long as the event that is being handled.
	t := tick{r.BorrowBytes()}
	return t, r.Err()
}
