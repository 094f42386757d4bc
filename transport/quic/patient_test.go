package quic

import (
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/quic-go/quic-go"
)

var _ quic.OOBCapablePacketConn = (*patientConn)(nil) // or packets are sent one by one

// Only a missing route is waited out, by those who wait at all; a full queue by
// all.
func TestPatient(t *testing.T) {
	sending := func(err syscall.Errno) error {
		return &net.OpError{Op: "write", Err: os.NewSyscallError("sendmsg", err)}
	}
	for _, tt := range []struct {
		name                  string
		err                   error
		dialing, running, any bool
	}{
		{"unreachable network", sending(syscall.ENETUNREACH), false, true, true},
		{"unreachable host", sending(syscall.EHOSTUNREACH), false, true, true},
		{"network down", sending(syscall.ENETDOWN), false, true, true},
		{"address gone", sending(syscall.EADDRNOTAVAIL), false, true, true},
		{"queue full", sending(syscall.ENOBUFS), true, true, true},
		{"too large", sending(syscall.EMSGSIZE), false, false, false},
		{"closed", net.ErrClosed, false, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, who := range []struct {
				name string
				pass func() bool
				want bool
			}{
				{"a dial", func() bool { return false }, tt.dialing},
				{"a connection", func() bool { return true }, tt.running},
				{"a listener", nil, tt.any},
			} {
				if got := (&patientConn{pass: who.pass}).passes(tt.err); got != who.want {
					t.Errorf("%s waits: %v, want %v", who.name, got, who.want)
				}
			}
		})
	}
}
