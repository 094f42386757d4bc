//go:build unix

package ws

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/twinwire/twinwire/transport/internal/eager"
)

// canTry says that try writes without waiting.
const canTry = true

// A trial is one call of try or of readOr. It is used again: a closure and what it shares with
// its maker would be three allocations for each batch.
type trial struct {
	b   []byte
	n   int
	err error

	write, read func(fd uintptr) bool // tryWrite and tryRead, made once

	// Of readOr.
	lull  func() bool
	told  bool // it was called
	eager *eager.Reader
}

var trials = sync.Pool{New: func() any {
	t := new(trial)
	t.write, t.read = t.tryWrite, t.tryRead
	return t
}}

// tryWrite is for syscall.RawConn: it never asks to be called again.
func (t *trial) tryWrite(fd uintptr) bool {
	for t.n < len(t.b) {
		k, err := unix.Write(int(fd), t.b[t.n:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			t.err = err
			break
		}
		t.n += k
	}
	return true
}

// try writes as much of b as the kernel takes at once.
func try(raw syscall.RawConn, b []byte) (n int, err error) {
	t := trials.Get().(*trial)
	t.b, t.n, t.err = b, 0, nil
	failed := raw.Write(t.write)
	n, err = t.n, t.err
	t.b = nil
	trials.Put(t)
	switch {
	case failed != nil:
		return n, failed
	case errors.Is(err, unix.EAGAIN):
		return n, nil
	case err != nil:
		return n, os.NewSyscallError("write", err)
	}
	return n, nil
}

// tryRead is for syscall.RawConn: it asks to be called again when there is
// something.
func (t *trial) tryRead(fd uintptr) bool {
	for {
		t.n, t.err = unix.Read(int(fd), t.b)
		switch {
		case errors.Is(t.err, unix.EINTR):
		case errors.Is(t.err, unix.EAGAIN):
			if !t.told {
				t.told = true
				t.eager.Turns(t.lull())
			}
			if !t.eager.Again() {
				return false
			}
		default:
			t.eager.Arrived(max(t.n, 0))
			return true
		}
	}
}

// readOr reads into b. If there is nothing yet, it calls lull before it waits.
func readOr(raw syscall.RawConn, b []byte, lull func() bool, eager *eager.Reader) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	t := trials.Get().(*trial)
	t.b, t.n, t.err, t.lull, t.told, t.eager = b, 0, nil, lull, false, eager
	failed := raw.Read(t.read)
	n, err = max(t.n, 0), t.err
	t.b, t.lull, t.eager = nil, nil, nil
	trials.Put(t)
	switch {
	case failed != nil:
		return 0, failed
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// awaitWritable returns when the kernel says that the socket can be written
// to.
func awaitWritable(raw syscall.RawConn) error { return raw.Write(writable) }

// writable is for syscall.RawConn: it asks to be called again when the socket
// can be written to. It is Linux's asking that has it say so later.
func writable(fd uintptr) bool {
	list := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	for {
		n, err := unix.Poll(list[:], 0)
		if !errors.Is(err, unix.EINTR) {
			return n != 0 || err != nil
		}
	}
}
