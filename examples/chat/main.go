// Command chat is a chat for the terminal and for browsers, and its server.
//
//	go run ./examples/chat                    # shows all of it, in one process
//	go run ./examples/chat server             # serves at :4433, TCP and UDP
//	go run ./examples/chat client -nick alice # a client, one line for a message
//
// While the server runs its page is at http://localhost:8080, for browsers of
// the same machine: they take that address for secure without a certificate.
// The script of the page asks there for /.well-known/twinwire, which has the
// hash of the development certificate, and so gets WebTransport at the UDP port
// 4433, and WebSocket where that is not to be had. With a certificate that
// browsers trust the page is at https://HOST:4433, for everybody.
//
// A client in the terminal takes -addr, -nick, -room and -wire, which is auto, quic or ws; its
// command /help lists the others. With flags the word client can be left out.
//
// There is nothing to set up: the server makes a certificate and stores it, and
// clients of the same user on the same machine trust it. A client elsewhere is
// given the pin that the server prints, by -pin.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/twinwire/twinwire/certs"
)

func main() {
	// The first Ctrl-C ends in peace, the second at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

const usage = `usage: chat [demo]           shows all of it, in one process
       chat server [flags]   serves; the page is at http://localhost:8080
       chat client [flags]   talks in the terminal
chat server -h and chat client -h list the flags`

// run is main with what it needs of the system.
func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	command := "demo"
	if len(args) > 0 {
		switch help := args[0] == "-h" || args[0] == "-help" || args[0] == "--help"; {
		case !strings.HasPrefix(args[0], "-"):
			command, args = args[0], args[1:]
		case !help:
			command = "client"
		}
	}
	flags := flag.NewFlagSet("chat "+command, flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), usage)
		if command != "demo" {
			fmt.Fprintf(flags.Output(), "\nflags of %s:\n", command)
			flags.PrintDefaults()
		}
	}
	parse := func() error {
		err := flags.Parse(args)
		if err == nil && flags.NArg() > 0 {
			err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
		}
		return err
	}
	switch command {
	case "demo":
		if err := parse(); err != nil {
			return err
		}
		return demo(ctx, out)
	case "server":
		addr := flags.String("addr", ":4433", "the `address` to listen at, on TCP and on UDP")
		page := flags.String("page", "localhost:8080", "the loopback `address` of the page for browsers of this machine; empty for none")
		if err := parse(); err != nil {
			return err
		}
		return runServer(ctx, *addr, *page, out)
	case "client":
		var t target
		flags.StringVar(&t.addr, "addr", "localhost:4433", "the address of the server")
		flags.StringVar(&t.wire, "wire", "auto", "the wire to use: auto, which is the best there is, quic or ws")
		nick := flags.String("nick", os.Getenv("USER"), "your nickname")
		room := flags.String("room", "lobby", "the room to join")
		pin := flags.String("pin", "", "the pin of a server on another machine, which it has printed")
		if err := parse(); err != nil {
			return err
		}
		if *pin != "" {
			p, err := certs.ParsePin(*pin)
			if err != nil {
				return err
			}
			t.pins = []certs.Pin{p}
		}
		return runClient(ctx, t, *nick, *room, in, out)
	}
	return fmt.Errorf("unknown command %q: server, client and demo are known", command)
}
