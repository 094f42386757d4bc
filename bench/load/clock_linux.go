package load

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// timer is a clock that wakes its goroutine up the way a socket does, and as
// precisely: a file descriptor that becomes readable.
type timer struct {
	file *os.File
	fd   int
}

func newClock() (clock, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &timer{os.NewFile(uintptr(fd), "timer"), fd}, nil
}

func (t *timer) sleep(d time.Duration) error {
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	if err := unix.TimerfdSettime(t.fd, 0, &at, nil); err != nil {
		return err
	}
	var count [8]byte
	_, err := t.file.Read(count[:])
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil // woken
	}
	return err
}

func (t *timer) wake()  { _ = t.file.SetReadDeadline(time.Unix(1, 0)) }
func (t *timer) close() { _ = t.file.Close() }
