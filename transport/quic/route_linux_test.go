package quic_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/twinwire/twinwire/transport/quic"
)

// The kernel itself says that there is no route, to both ends and for longer
// than several retransmissions take; when there is one again, the connection
// goes on.
func TestRouteIsAway(t *testing.T) {
	n := newNamespace(t)
	n.loopback(t, true)
	s := newServer(t)
	var conn net.PacketConn
	n.do(t, func() (err error) {
		conn, err = net.ListenPacket("udp4", "127.0.0.1:0")
		return err
	})
	l, err := quic.Listen(conn, &quic.ListenOptions{TLS: s.tls(), CloseConn: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var mu sync.Mutex
	sockets := 0
	k := converse(t, s, l, l.Addr().String(), &quic.DialOptions{
		ListenPacket: func(_ context.Context, network, addr string) (c net.PacketConn, err error) {
			n.do(t, func() (err error) {
				c, err = net.ListenPacket(network, addr)
				return err
			})
			mu.Lock()
			sockets++
			mu.Unlock()
			return c, err
		},
	})
	k.say(t, 10)
	n.loopback(t, false)
	n.do(t, func() error {
		c, err := net.ListenPacket("udp4", ":0")
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := c.WriteTo([]byte("?"), l.Addr()); !errors.Is(err, unix.ENETUNREACH) {
			t.Errorf("sending without a route: %v", err)
		}
		return nil
	})
	go k.send(t, 10)
	select {
	case b := <-k.back:
		t.Fatalf("number %d came back without a route", b)
	case err := <-k.ended:
		k.ended <- err
		t.Fatalf("the connection ended: %v", err)
	case <-time.After(time.Second):
	}
	n.loopback(t, true)
	k.hear(t, 10)
	mu.Lock()
	defer mu.Unlock()
	if sockets != 2 {
		t.Errorf("the carrier opened %d sockets, want one, and another to look for a route", sockets)
	}
}

// A namespace is a network of its own.
type namespace struct{ fd int }

func newNamespace(t *testing.T) *namespace {
	t.Helper()
	n := &namespace{-1}
	made := make(chan error)
	go func() {
		// The thread is not given back, and ends with the goroutine.
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			n.fd, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		made <- err
	}()
	if err := <-made; errors.Is(err, unix.EPERM) {
		t.Skip("network namespaces are for the superuser: run as root")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(n.fd) })
	return n
}

// do runs f in the namespace.
func (n *namespace) do(t *testing.T, f func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // as above
		err := unix.Setns(n.fd, unix.CLONE_NEWNET)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// loopback gives the one device of the namespace its address, or takes it away.
func (n *namespace) loopback(t *testing.T, on bool) {
	t.Helper()
	n.do(t, func() error {
		s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(s)
		r, err := unix.NewIfreq("lo")
		if err != nil {
			return err
		}
		addr := []byte{0, 0, 0, 0}
		if on {
			r.SetUint16(unix.IFF_UP)
			if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r); err != nil {
				return err
			}
			addr = []byte{127, 0, 0, 1}
		}
		if err := r.SetInet4Addr(addr); err != nil {
			return err
		}
		return unix.IoctlIfreq(s, unix.SIOCSIFADDR, r)
	})
}
