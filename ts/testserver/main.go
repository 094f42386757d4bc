// Command testserver is what the tests of the TypeScript client run against.
// It prints one line of JSON that says where it listens, and serves until its
// standard input ends.
package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/compress/deflate"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/server"
	"github.com/twinwire/twinwire/ts/testserver/lab"
)

// An announcement is what the tests need to know.
type announcement struct {
	Plain       string `json:"plain"` // host:port without TLS
	TLS         string `json:"tls"`   // host:port with TLS, on TCP and UDP
	Certificate string `json:"certificate"`
	Hash        []byte `json:"hash"` // SHA-256 of the certificate
}

func main() {
	plain := flag.String("plain", "127.0.0.1:0", "where to listen without TLS")
	heartbeat := flag.Duration("heartbeat", 0, "interval of heartbeats, 0 for the default")
	app := flag.String("app", "lab", "name of the application")
	origin := flag.String("origin", "", "origin of pages that may connect, such as http://localhost:8080, * for all")
	cuts := flag.Bool("cuts", false, "stand behind a relay that cuts wires for lab.Cut")
	flag.Parse()
	if err := run(*plain, *app, *origin, *heartbeat, *cuts); err != nil {
		log.Fatal(err)
	}
}

func run(plain, app, origin string, heartbeat time.Duration, cuts bool) error {
	development, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true})
	if err != nil {
		return err
	}
	hall := &hall{}
	defer hall.hub.Close()
	srv := &server.Server{
		Hello: core.Hello{App: app, Version: "1"}, Certs: development, Heartbeat: heartbeat, Compression: []core.Compression{deflate.New()}, Logger: slog.New(slog.DiscardHandler),
	}
	switch origin {
	case "":
	case "*":
		srv.CheckOrigin = func(*http.Request) bool { return true }
	default:
		srv.Origins = []string{origin}
	}
	dir, err := os.MkdirTemp("", "album")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	srv.Handle(lab.NewService(&hall.hub, hall.newHandler), newAlbum(root))
	secure, err := server.Listen("localhost:0")
	if err != nil {
		return err
	}
	tcp, err := net.Listen("tcp", plain)
	if err != nil {
		return errors.Join(err, secure.Close())
	}
	served := make(chan error, 2)
	go func() { served <- srv.Serve(secure) }()
	go func() { served <- srv.ServePlaintext(tcp) }()
	cert, err := development.GetCertificate(&tls.ClientHelloInfo{ServerName: "localhost"})
	if err != nil {
		return errors.Join(err, srv.Close())
	}
	sum := certs.CertificatePinOf(cert.Leaf).Sum()
	at := announcement{Plain: tcp.Addr().String(), TLS: fmt.Sprintf("localhost:%d", secure.Port())}
	if cuts {
		hall.relay = &relay{}
		defer hall.relay.close()
		plain, err := hall.relay.listen(tcp.Addr().(*net.TCPAddr).Port, false)
		if err != nil {
			return errors.Join(err, srv.Close())
		}
		secured, err := hall.relay.listen(secure.Port(), true)
		if err != nil {
			return errors.Join(err, srv.Close())
		}
		at.Plain, at.TLS = fmt.Sprintf("127.0.0.1:%d", plain), fmt.Sprintf("localhost:%d", secured)
	}
	err = json.NewEncoder(os.Stdout).Encode(announcement{
		Plain: at.Plain, TLS: at.TLS,
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})), Hash: sum[:],
	})
	if err != nil {
		return errors.Join(err, srv.Close())
	}
	// A test that dies takes the server along.
	_, _ = io.Copy(io.Discard, bufio.NewReader(os.Stdin))
	return srv.Close()
}

// A hall is what the sessions share.
type hall struct {
	hub   events.Hub
	relay *relay // nil without
}
