package quic

import (
	"context"
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/quic-go/quic-go"
)

// A gate decides whose address has to be proven, by a Retry, before a
// connection is made. What is worth protecting is what a handshake takes for as
// long as it lasts, so that it counts handshakes and not packets: a crowd of
// clients that comes at once, after a restart, finishes them, and those who
// pretend to be somebody else do not. A Retry in vain is dear: it costs the
// client a round trip, and the server two packets, and when quic-go has eight
// of them to send it drops others.
type gate struct {
	most  int64 // handshakes of clients that have proven nothing; negative for any number
	doubt func(remote net.Addr) bool

	doubtful atomic.Int64   // handshakes under way
	watching sync.WaitGroup // for their ends
}

// A handshake is what the context of a connection knows of it.
type handshake struct {
	over func() // called by whoever finds first that it is over; nil if the address was proven
}

type handshakeKey struct{}

// verify is what quic-go asks about each packet that would begin a connection
// and proves nothing.
func (g *gate) verify(remote net.Addr) bool {
	if (g.most < 0 || g.doubtful.Load() < g.most) && (g.doubt == nil || !g.doubt(remote)) {
		return false
	}
	// The goroutine that sends them is to send the Retry before this one.
	runtime.Gosched()
	return true
}

// begun counts a handshake that has begun, until settle or the end of the
// connection's context finds that it is over.
func (g *gate) begun(ctx context.Context, proven bool) context.Context {
	if proven {
		return ctx
	}
	g.doubtful.Add(1)
	h := &handshake{over: sync.OnceFunc(func() { g.doubtful.Add(-1) })}
	context.AfterFunc(ctx, h.over)
	return context.WithValue(ctx, handshakeKey{}, h)
}

// settle waits for the end of a handshake, in a goroutine if need be.
func (g *gate) settle(conn *quic.Conn) {
	h, ok := conn.Context().Value(handshakeKey{}).(*handshake)
	if !ok {
		return
	}
	if complete(conn) {
		h.over()
		return
	}
	// It ends within the time of a handshake, or with the connection.
	g.watching.Go(func() {
		select {
		case <-conn.HandshakeComplete():
			h.over()
		case <-conn.Context().Done():
		}
	})
}
