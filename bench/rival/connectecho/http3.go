package connectecho

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/twinwire/twinwire/bench/peer"
)

// http3Server is that of quic-go.
type http3Server struct {
	udp    net.PacketConn
	server *http3.Server
	done   sync.WaitGroup // Serve
}

func serveHTTP3(addr string, cert tls.Certificate, h http.Handler) (httpServer, error) {
	udp, err := net.ListenPacket("udp", addr)
	if err != nil {
		return nil, err
	}
	s := &http3Server{udp: udp, server: &http3.Server{
		Handler:    h,
		TLSConfig:  http3.ConfigureTLSConfig(peer.ServerTLS(cert)),
		QUICConfig: &quic.Config{MaxIncomingStreams: maxRequests},
	}}
	s.done.Go(func() { _ = s.server.Serve(udp) })
	return s, nil
}

func (s *http3Server) addr() string { return s.udp.LocalAddr().String() }

func (s *http3Server) close() error {
	err := s.server.Close()
	s.done.Wait()
	_ = s.udp.Close()
	return err
}

// transportHTTP3 returns the transport of one connection, and what ends it.
func transportHTTP3(opts peer.DialOptions) (http.RoundTripper, func()) {
	t := &http3.Transport{TLSClientConfig: peer.ClientTLS(opts.Certificate, http3.NextProtoH3)}
	return t, func() { _ = t.Close() }
}
