// Command echo is what the measurements in browsers hold twinwire against: a
// WebTransport session of which each bidirectional stream is sent back, and a
// WebSocket whose messages are, without anything else. It prints one line of JSON
// that says where it listens, and serves until its standard input ends.
package main

import (
	"bufio"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/gorilla/websocket"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"github.com/twinwire/twinwire/certs"
)

// An announcement is what a page needs to know.
type announcement struct {
	WebTransport string `json:"webtransport"` // host:port
	WebSocket    string `json:"websocket"`    // host:port
	Certificate  string `json:"certificate"`
	Hash         []byte `json:"hash"` // SHA-256 of the certificate
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	development, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true})
	if err != nil {
		return err
	}
	cert, err := development.GetCertificate(nil)
	if err != nil {
		return err
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, tcp.Close())
	}
	conf := certs.ServerTLS(development)
	sockets := &http.Server{Handler: http.HandlerFunc(echoMessages), TLSConfig: conf}
	sessions := &webtransport.Server{
		CheckOrigin: func(*http.Request) bool { return true },
		H3: &http3.Server{
			TLSConfig:  http3.ConfigureTLSConfig(conf),
			QUICConfig: &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
		},
	}
	webtransport.ConfigureHTTP3Server(sessions.H3)
	sessions.H3.Handler = echoStreams(sessions)
	go func() { _ = sockets.ServeTLS(tcp, "", "") }() // ends with Close, as the other
	go func() { _ = sessions.Serve(udp) }()
	sum := certs.CertificatePinOf(cert.Leaf).Sum()
	err = json.NewEncoder(os.Stdout).Encode(announcement{
		WebTransport: udp.LocalAddr().String(), WebSocket: tcp.Addr().String(),
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})), Hash: sum[:],
	})
	if err == nil {
		// A measurement that dies takes the server along.
		_, _ = io.Copy(io.Discard, bufio.NewReader(os.Stdin))
	}
	return errors.Join(err, sessions.Close(), sockets.Close())
}

// echoStreams sends back what arrives on the streams of sessions.
func echoStreams(server *webtransport.Server) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, err := server.Upgrade(w, r)
		if err != nil {
			http.Error(w, fmt.Sprint("this is an echo for WebTransport: ", err), http.StatusBadRequest)
			return
		}
		for {
			stream, err := session.AcceptStream(r.Context())
			if err != nil {
				return
			}
			go func() { // ends with the session
				_, _ = io.CopyBuffer(stream, struct{ io.Reader }{stream}, make([]byte, 4<<10))
				_ = stream.Close()
			}()
		}
	})
}

// echoMessages sends back the messages of a WebSocket.
func echoMessages(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		kind, b, err := conn.ReadMessage()
		if err != nil || conn.WriteMessage(kind, b) != nil {
			return
		}
	}
}
