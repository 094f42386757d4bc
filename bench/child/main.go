package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
)

// patience is how long a child may take to end once its input has.
const patience = 5 * time.Second

// childFlag begins the argument that makes a process a child: it, role, '=', and
// the name of the peer.
const childFlag = "-child-"

// pipeFD is the descriptor of the pipe on which the client tells the server
// how many events have arrived everywhere.
const pipeFD = 3

// Main runs this process as a child if its arguments, which are os.Args[1:],
// say so, and reports the exit code. Otherwise isChild is false and nothing
// has happened. A program calls it before it looks at its flags.
func Main(args []string, peers []peer.Peer) (code int, isChild bool) {
	role, name, ok := parse(args)
	if !ok {
		return 0, false
	}
	signal.Ignore(os.Interrupt)
	if err := run(role, name, peers, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	return 0, true
}

func run(role Role, name string, peers []peer.Peer, in io.Reader, out io.Writer) error {
	p, err := find(peers, name)
	if err != nil {
		return err
	}
	pipe := os.NewFile(pipeFD, "events")
	if pipe == nil {
		return errors.New("child: started without the pipe for events")
	}
	var h handler
	switch role {
	case Server:
		h = newServer(p, pipe)
	case Client:
		h = newClient(p, pipe)
	default:
		return fmt.Errorf("child: no role %q", role)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// What does not end by itself must not keep the process.
	context.AfterFunc(ctx, func() {
		time.AfterFunc(patience, func() {
			fmt.Fprintln(os.Stderr, "child: closing took too long")
			os.Exit(3)
		})
	})
	err = obey(ctx, cancel, h, in, out)
	return errors.Join(err, h.close())
}

func find(peers []peer.Peer, name string) (peer.Peer, error) {
	for _, p := range peers {
		if p.Info().Name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("child: no peer %q", name)
}

// A handler carries out requests, one at a time.
type handler interface {
	handle(ctx context.Context, r Request) (Reply, error)
	close() error
}

// obey handles the requests of in until it ends, which cancels ctx also while
// a request is being handled. It returns after that, or when out is broken.
func obey(ctx context.Context, cancel context.CancelFunc, h handler, in io.Reader, out io.Writer) error {
	requests := make(chan Request)
	var readErr error
	// The reader ends with in. If out breaks first, the process ends, and the
	// reader with it.
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(requests)
		defer cancel()
		dec := json.NewDecoder(in)
		for {
			var r Request
			if readErr = dec.Decode(&r); readErr != nil {
				return
			}
			select {
			case requests <- r:
			case <-ctx.Done():
				return
			}
		}
	})
	enc := json.NewEncoder(out)
	for r := range requests {
		reply, err := h.handle(ctx, r)
		if err != nil {
			reply = Reply{Error: err.Error()}
		}
		if err := enc.Encode(reply); err != nil {
			return err
		}
	}
	reader.Wait()
	if errors.Is(readErr, io.EOF) {
		return nil
	}
	return readErr
}
