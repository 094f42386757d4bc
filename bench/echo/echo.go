// Package echo holds the peers without a framework: the bare libraries, with
// one message or one write per call, and the coalesced floors, which put all
// pending frames into one write. They share one echo server and one client and
// differ in the pipe below, so that what is compared is the wire and nothing
// else.
//
// A frame is the caller's number in four bytes and the payload. The server
// sends a frame back as it came; events carry the number 0, which no caller
// has. Values and messages that nobody answers are frames too, with a number
// of their own, which the server counts.
//
// Streams of bytes are messages of a WebSocket, beside the others, and streams
// of QUIC.
package echo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"

	"github.com/twinwire/twinwire/bench/peer"
)

// Peers returns the bare libraries and the floors.
func Peers() []peer.Peer {
	return []peer.Peer{
		&echo{peer.Info{Name: "bare-gorilla", Wire: peer.TLS, Kind: peer.Bare, Can: frames | peer.Streams}, wsWire{""}},
		&echo{peer.Info{Name: "bare-quic-go", Wire: peer.QUIC, Kind: peer.Bare, Can: frames | peer.Streams}, quicWire{newDirect, true}},
		&echo{peer.Info{Name: "floor-tls", Wire: peer.TLS, Kind: peer.Floor, Can: frames}, tlsWire{newBatch, ""}},
		&echo{peer.Info{Name: "floor-quic", Wire: peer.QUIC, Kind: peer.Floor, Can: frames}, quicWire{newBatch, false}},
	}
}

// NetworkPeers returns those that are measured across networks: gorilla/websocket
// with the usual congestion control and with BBR, quic-go, and one TLS stream.
func NetworkPeers() []peer.Peer {
	return []peer.Peer{
		&echo{peer.Info{Name: "bare-gorilla-cubic", Wire: peer.TLS, Kind: peer.Bare, Can: frames | peer.Streams}, wsWire{cubic}},
		&echo{peer.Info{Name: "bare-gorilla-bbr", Wire: peer.TLSBBR, Kind: peer.Bare, Can: frames | peer.Streams}, wsWire{bbr}},
		&echo{peer.Info{Name: "bare-quic-go", Wire: peer.QUIC, Kind: peer.Bare, Can: frames | peer.Streams}, quicWire{newDirect, true}},
		&echo{peer.Info{Name: "floor-tls-cubic", Wire: peer.TLS, Kind: peer.Floor, Can: frames}, tlsWire{newBatch, cubic}},
	}
}

const (
	// cubic is the congestion control of nearly every system. A machine may have
	// another by default, which says nothing about others.
	cubic = "cubic"
	// bbr is the one that is best on lossy paths.
	bbr = "bbr"
)

// OffersBBR returns nil if NetworkPeers can have BBR here.
func OffersBBR() error {
	config := net.ListenConfig{Control: congestionControl(bbr)}
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	return l.Close()
}

// frames are what can be made of frames.
const frames = peer.Values | peer.Messages | peer.Events | peer.Topics

// A pipe carries frames both ways over one connection.
type pipe interface {
	// read returns the next frame, valid until the next read. It is called
	// from one goroutine.
	read() ([]byte, error)

	// write sends the frame that head and payload make together and keeps
	// neither. It is called from any goroutine.
	write(head [headSize]byte, payload []byte) error

	// close ends the connection, unblocks read and write, and waits for the
	// goroutines of the pipe.
	close()
}

// A streamer is a pipe that carries streams of bytes too. What arrives of them
// is not returned by read.
type streamer interface {
	upload(size int) error
	download(size int, received func(n int)) error
}

const (
	// headSize is the size of a caller's number.
	headSize = 4
	// oneWay is the number of what the server does not answer.
	oneWay = 1 << 31
)

// A wire makes pipes.
type wire interface {
	listen(addr string, cert tls.Certificate) (listener, error)
	dial(ctx context.Context, addr string, opts *dialOptions) (pipe, error)
}

// dialOptions are what a wire needs to know.
type dialOptions struct {
	cert    *x509.Certificate
	streams bool
	large   bool
}

// A listener accepts connections.
type listener interface {
	addr() string

	// accept returns the next connection as a function that finishes the
	// handshake. The function runs in the goroutine of the connection. What
	// arrives of streams is counted in tally.
	accept(ctx context.Context, tally *peer.Tally) (func(context.Context) (pipe, error), error)

	// event returns what sends an event to a pipe of the listener.
	event(payload []byte) (func(pipe) error, error)

	// close stops accepting and unblocks accept and the handshakes.
	close()
}

// writeEvent is the event of most listeners: a frame for each pipe.
func writeEvent(payload []byte) (func(pipe) error, error) {
	return func(p pipe) error { return p.write([headSize]byte{}, payload) }, nil
}

// framing makes a pipe of a connection's bytes.
type framing func(io.ReadWriteCloser) pipe

type echo struct {
	info peer.Info
	wire wire
}

func (e *echo) Info() peer.Info { return e.info }

func (e *echo) Serve(host string, cert tls.Certificate) (peer.Server, error) {
	l, err := e.wire.listen(net.JoinHostPort(host, "0"), cert)
	if err != nil {
		return nil, err
	}
	return newServer(l), nil
}

func (e *echo) Dial(ctx context.Context, addr string, opts peer.DialOptions) (peer.Conn, error) {
	p, err := e.wire.dial(ctx, addr, &dialOptions{opts.Certificate, opts.Streams, opts.Large})
	if err != nil {
		return nil, err
	}
	return newConn(p, opts.OnEvent), nil
}
