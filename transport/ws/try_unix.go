//go:build unix

package ws

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// canTry says that try writes without waiting.
const canTry = true

// A trial is one call of try. It is used again: a closure and what it shares with
// its maker would be three allocations for each batch.
type trial struct {
	b   []byte
	n   int
	err error
	run func(fd uintptr) bool // write, made once
}

var trials = sync.Pool{New: func() any {
	t := new(trial)
	t.run = t.write
	return t
}}

// write is for syscall.RawConn: it never asks to be called again.
func (t *trial) write(fd uintptr) bool {
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
	failed := raw.Write(t.run)
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
