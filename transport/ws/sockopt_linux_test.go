package ws_test

import (
	"testing"

	"golang.org/x/sys/unix"
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
