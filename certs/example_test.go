package certs_test

import (
	"crypto/tls"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"

	"github.com/twinwire/twinwire/certs"
)

// A server with a development certificate, and a client that was told its pins.
func Example() {
	source, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", certs.ServerTLS(source))
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		fmt.Fprint(conn, "hello")
		conn.Close()
	}()

	conn, err := tls.Dial("tcp", listener.Addr().String(), certs.ClientTLS(source.Pins()...))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	greeting := make([]byte, 5)
	if _, err := conn.Read(greeting); err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(greeting))
	// Output: hello
}

func ExampleDefault() {
	source, err := certs.Default(slog.Default())
	if err != nil {
		log.Fatal(err)
	}
	cfg := certs.ServerTLS(source)
	cfg.NextProtos = append([]string{"http/1.1"}, cfg.NextProtos...)
	server := &http.Server{Addr: ":443", TLSConfig: cfg}
	log.Fatal(server.ListenAndServeTLS("", ""))
}

func ExampleFiles() {
	source, err := certs.Files("/etc/ssl/app.pem", "/etc/ssl/private/app.key", nil)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := tls.Listen("tcp", ":443", certs.ServerTLS(source))
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
}

func ExampleACME() {
	source, err := certs.ACME(&certs.ACMEOptions{
		Hosts: []string{"app.example.com"},
		Email: "ops@example.com",
	})
	if err != nil {
		log.Fatal(err)
	}
	// Only where the authority cannot reach port 443.
	go func() { log.Print(http.ListenAndServe(":80", source.HTTPHandler(nil))) }()

	cfg := certs.ServerTLS(source)
	cfg.NextProtos = append([]string{"http/1.1"}, cfg.NextProtos...)
	server := &http.Server{Addr: ":443", TLSConfig: cfg}
	log.Fatal(server.ListenAndServeTLS("", ""))
}

func ExampleNewDevelopment() {
	source, err := certs.NewDevelopment(&certs.DevelopmentOptions{Memory: true})
	if err != nil {
		log.Fatal(err)
	}
	// What a page passes to new WebTransport(url, {serverCertificateHashes}).
	for _, pin := range source.CertificatePins() {
		sum := pin.Sum()
		fmt.Println("a hash of", len(sum), "bytes")
	}
	// Output: a hash of 32 bytes
}

func ExampleClientTLS() {
	pin, err := certs.ParsePin("sha256/Wo+MGt41bbe+XB2GIrbDGoDZ5yEBv6zUUAN94hVlFAQ=")
	if err != nil {
		log.Fatal(err)
	}
	conn, err := tls.Dial("tcp", "desk.local:443", certs.ClientTLS(pin))
	if shown, ok := certs.PresentedPin(err); ok {
		log.Fatalf("refused a server with the pin %v: %v", shown, err)
	}
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
}

func ExampleStoredPins() {
	pins, err := certs.StoredPins("")
	if err != nil {
		log.Fatal(err)
	}
	var cfg *tls.Config
	if address := net.ParseIP("127.0.0.1"); address.IsLoopback() && len(pins) > 0 {
		cfg = certs.ClientTLS(pins...)
	} else {
		cfg = certs.ClientTLS()
	}
	_ = cfg
}

func ExampleParsePin() {
	pin, err := certs.ParsePin("sha256//Wo+MGt41bbe+XB2GIrbDGoDZ5yEBv6zUUAN94hVlFAQ=")
	fmt.Println(pin, err)
	_, err = certs.ParsePin("Wo+MGt41bbe+XB2GIrbDGoDZ5yEBv6zUUAN94hVlFAQ=")
	fmt.Println(err)
	// Output:
	// sha256/Wo+MGt41bbe+XB2GIrbDGoDZ5yEBv6zUUAN94hVlFAQ= <nil>
	// certs: pin "Wo+MGt41bbe+XB2GIrbDGoDZ5yEBv6zUUAN94hVlFAQ=" begins neither with "sha256/" nor with "cert-sha256/"
}
