package ws_test

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/ws"
)

// Both ends keep what waits in the kernel small.
func TestNotSentLowWater(t *testing.T) {
	client, server, conn := listen(t, true).pair(t, 0)
	defer client.Close(0, "")
	defer server.Close(0, "")
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		got, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT)
		if err != nil || got != 16<<10 {
			t.Errorf("TCP_NOTSENT_LOWAT = %d, %v", got, err)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// notSent returns how much the kernel has taken of a connection and not sent.
func notSent(t *testing.T, conn *net.TCPConn) (n int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if failed := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQNSD) }); failed != nil || err != nil {
		t.Fatal(failed, err)
	}
	return n
}

// fillKernel sends until the kernel does not send more than 10 KiB of it,
// because the server does not read, and returns how much was sent.
func fillKernel(t *testing.T, c *ws.Carrier, conn *net.TCPConn) (sent int) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	b := message(1 << 10)
	for still := 0; still < 50; {
		if notSent(t, conn) >= 10<<10 {
			<-look.C // there may be acknowledgements under way
			still++
			continue
		}
		still = 0
		if err := c.Send(0, b); err != nil {
			t.Fatal(err)
		}
		sent += len(b)
	}
	return sent
}

// Who awaits the carrier goes on when little waits in the kernel, although that
// would take more.
func TestAwaitSent(t *testing.T) {
	client, server, conn := listen(t, true).pair(t, 10*time.Second)
	want := 0
	for {
		want += fillKernel(t, client, conn)
		awaited := make(chan struct{})
		go func() {
			client.AwaitSent(0)
			close(awaited)
		}()
		select {
		case <-awaited:
			if n := notSent(t, conn); n >= 10<<10 {
				t.Fatalf("%d bytes are not sent", n)
			}
			continue // an acknowledgement was late
		case <-time.After(10 * time.Millisecond):
		}
		got := 0
		_ = server.Receive(func(_ int, frames []byte) error {
			if got += len(frames); got >= want {
				return errors.New("enough")
			}
			return nil
		})
		<-awaited
		client.Close(0, "")
		return
	}
}

// A peer that does not read ends the carrier of who awaits it.
func TestAwaitTimeout(t *testing.T) {
	client, server, conn := listen(t, true).pair(t, 500*time.Millisecond)
	var err error
	for err == nil { // the server's kernel may take some more
		fillKernel(t, client, conn)
		client.AwaitSent(0)
		sending := time.Now()
		if err = client.Send(0, message(1)); err != nil && time.Since(sending) > 250*time.Millisecond {
			t.Error("it was the Send that ended it")
		}
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Send = %v", err)
	}
	server.Close(0, "")
}

// Who awaits the carrier holds up neither its end nor what else is sent.
func TestAwaitInterrupted(t *testing.T) {
	client, server, conn := listen(t, true).pair(t, 10*time.Second)
	ended := make(chan error, 1)
	go func() { ended <- client.Receive(func(int, []byte) error { return nil }) }()
	want := fillKernel(t, client, conn)
	await := func() <-chan struct{} {
		awaited := make(chan struct{})
		go func() {
			client.AwaitSent(0)
			close(awaited)
		}()
		return awaited
	}
	last := message(1)
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	awaited := await()
	for waits := true; waits; { // or it has begun to only now
		if err := client.Send(0, last); err != nil {
			t.Fatal(err)
		}
		want += len(last)
		select {
		case <-awaited:
			waits = false
		case <-again.C:
		}
	}
	awaited = await()
	for range 5 { // it has begun to, most likely
		<-again.C
	}
	client.Close(twinwire.Unauthorized, "enough")
	<-awaited
	got := 0
	err := server.Receive(func(_ int, frames []byte) error {
		got += len(frames)
		return nil
	})
	var closed *transport.CloseError
	if !errors.As(err, &closed) || closed.Code != twinwire.Unauthorized || got != want {
		t.Errorf("the peer received %d of %d bytes, and %v", got, want, err)
	}
	<-ended
}
