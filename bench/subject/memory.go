package subject

import (
	"context"
	"crypto/tls"
	"sync"

	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// memory is twinwire without a wire: both ends are in the client's process, so
// its figures are of both.
type memory struct{}

func (memory) Info() peer.Info {
	return peer.Info{Name: "twinwire-mem", Wire: peer.Memory, Kind: peer.Subject}
}

func (memory) Serve(string, tls.Certificate) (peer.Server, error) { return nowhere{}, nil }

// nowhere is the server of what needs none.
type nowhere struct{}

func (nowhere) Addr() string { return "memory" }
func (nowhere) Close() error { return nil }

func (memory) Dial(ctx context.Context, _ string, _ peer.DialOptions) (peer.Conn, error) {
	acceptor, err := core.NewAcceptor(&core.Config{Services: []*core.Service{{
		Name:    "bench",
		Methods: map[string]core.Method{methodEcho: answerEcho},
	}}})
	if err != nil {
		return nil, err
	}
	cfg := new(core.Config)
	mux, err := core.NewMux(cfg.Services, cfg.Interceptors)
	if err != nil {
		return nil, err
	}
	// Lanes of their own are for wires: here one pipe is fewer hand-overs.
	near, far := mem.Pipe(&mem.Options{OnePipe: true})
	c := new(memoryConn)
	c.served.Go(func() { _ = acceptor.Serve(far) })
	offer, err := core.Greet(ctx, near, cfg, mux, core.NewAttempt())
	if err != nil {
		c.served.Wait()
		return nil, err
	}
	c.session = offer.Accept()
	return c, nil
}

// memoryConn waits for both ends.
type memoryConn struct {
	conn
	served sync.WaitGroup
}

func (c *memoryConn) Close() error {
	err := c.conn.Close()
	c.served.Wait()
	return err
}
