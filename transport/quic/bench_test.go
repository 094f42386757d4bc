package quic_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"

	quicgo "github.com/quic-go/quic-go"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport/quic"
)

var sizes = []struct {
	name string
	size int
}{{"64B", 64}, {"1KiB", 1 << 10}, {"16KiB", frame.MaxPayload}}

func message(size int) []byte {
	return frame.Append(nil, &frame.Frame{Kind: frame.Message, Ref: 2, Payload: make([]byte, size)})
}

// BenchmarkEcho is one batch there and back on loopback; bare is the same with
// one stream of quic-go and the same settings of flow control.
func BenchmarkEcho(b *testing.B) {
	for _, s := range sizes {
		b.Run("carrier/"+s.name, func(b *testing.B) { benchmarkCarrier(b, s.size, true) })
		b.Run("bare/"+s.name, func(b *testing.B) { benchmarkBare(b, s.size, true) })
	}
}

// BenchmarkSend is one direction at full speed.
func BenchmarkSend(b *testing.B) {
	for _, s := range sizes {
		b.Run("carrier/"+s.name, func(b *testing.B) { benchmarkCarrier(b, s.size, false) })
		b.Run("bare/"+s.name, func(b *testing.B) { benchmarkBare(b, s.size, false) })
	}
}

func benchmarkCarrier(b *testing.B, size int, echo bool) {
	s := newServer(b)
	l := s.listen(b, &quic.ListenOptions{})
	client, server, _ := s.dial(b, l, &quic.DialOptions{})
	back, ended := make(chan int, 64), make(chan error, 2)
	go func() {
		ended <- client.Receive(func(_ int, frames []byte) error {
			back <- len(frames)
			return nil
		})
	}()
	hello, msg := frame.Append(nil, &frame.Frame{Kind: frame.Hello}), message(size)
	first := true
	go func() {
		ended <- server.Receive(func(lane int, frames []byte) error {
			if !echo && !first {
				return nil
			}
			first = false
			return server.Send(lane, frames)
		})
	}()
	if err := client.Send(0, hello); err != nil {
		b.Fatal(err)
	}
	<-back
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		if err := client.Send(0, msg); err != nil {
			b.Fatal(err)
		}
		for n := 0; echo && n < len(msg); {
			n += <-back
		}
	}
	client.Close(0, "")
	server.Close(0, "")
	<-ended
	<-ended
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

func benchmarkBare(b *testing.B, size int, echo bool) {
	s := newServer(b)
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer socket.Close()
	cfg := &quicgo.Config{
		InitialStreamReceiveWindow: 256 << 10, MaxStreamReceiveWindow: 1 << 20,
		InitialConnectionReceiveWindow: 2 << 20, MaxConnectionReceiveWindow: 4 << 20,
	}
	serverTLS := s.tls()
	serverTLS.NextProtos = []string{"bare"}
	t := &quicgo.Transport{Conn: socket}
	defer t.Close()
	l, err := t.ListenEarly(serverTLS, cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := l.Accept(context.Background())
		if err != nil {
			return
		}
		stream, err := conn.AcceptStream(context.Background())
		if err != nil {
			return
		}
		buf := make([]byte, 64<<10)
		for {
			n, err := stream.Read(buf)
			if err != nil {
				return
			}
			if echo {
				if _, err := stream.Write(buf[:n]); err != nil {
					return
				}
			}
		}
	}()
	mine, err := net.ListenUDP("udp4", nil)
	if err != nil {
		b.Fatal(err)
	}
	defer mine.Close()
	tr := &quicgo.Transport{Conn: mine}
	defer tr.Close()
	conn, err := tr.Dial(context.Background(), socket.LocalAddr(), &tls.Config{RootCAs: s.roots, ServerName: "localhost", NextProtos: []string{"bare"}}, cfg)
	if err != nil {
		b.Fatal(err)
	}
	stream, err := conn.OpenStream()
	if err != nil {
		b.Fatal(err)
	}
	msg := message(size)
	back := make([]byte, len(msg))
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := stream.Write(msg); err != nil {
			b.Fatal(err)
		}
		if echo {
			if _, err := io.ReadFull(stream, back); err != nil {
				b.Fatal(err)
			}
		}
	}
	_ = conn.CloseWithError(0, "")
	<-ended
}
