package link

import (
	"errors"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// batch is how many packets are taken from one end before the other end
	// and the clock have their turn.
	batch = 32
	// priority is the lowest at which a thread is scheduled before all that are
	// not in a hurry.
	priority = 1
	// slack is how late the kernel may wake the thread, in nanoseconds.
	slack = 1
)

// A pump carries packets between two namespaces.
type pump struct {
	began time.Time
	wake  int // an eventfd: look again
	done  sync.WaitGroup

	// Guarded by mu:
	mu       sync.Mutex
	stopping bool
	stopped  bool
	failed   error // why it has stopped by itself
	ways     [2]way

	// Owned by the loop:
	polls   [3]unix.PollFd
	timeout unix.Timespec
}

// A way is a direction with the devices at its ends.
type way struct {
	*direction
	from, to int
}

// startPump starts a pump, which uses the namespaces until it is stopped.
func startPump(a, b *namespace, forth, back *direction) (*pump, error) {
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, wrap("eventfd", err)
	}
	p := &pump{
		began: time.Now(),
		wake:  wake,
		ways:  [2]way{{forth, a.tun, b.tun}, {back, b.tun, a.tun}},
	}
	for i, fd := range []int{a.tun, b.tun, wake} {
		p.polls[i] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	}
	p.done.Go(p.run) // ends with stop, or when a device fails
	return p, nil
}

// now returns the time since the pump began.
func (p *pump) now() time.Duration { return time.Since(p.began) }

// change calls f with both directions at rest, and looks again what is due.
func (p *pump) change(f func(now time.Duration)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p.now())
	p.interruptLocked()
}

// interruptLocked ends a sleep of the loop.
func (p *pump) interruptLocked() {
	if p.stopped {
		return
	}
	// It fails only if the loop has been told more often than can be counted.
	_, _ = unix.Write(p.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// stop ends the loop, and returns why it had ended before.
func (p *pump) stop() error {
	p.mu.Lock()
	p.stopping = true
	p.interruptLocked()
	p.mu.Unlock()
	p.done.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	return errors.Join(p.failed, unix.Close(p.wake))
}

// run carries packets until it is told to stop.
func (p *pump) run() {
	defer hurry()()
	for {
		at, any, err := p.carry()
		if err == nil {
			err = p.sleep(at, any)
		}
		if err != nil {
			p.mu.Lock()
			if !p.stopping {
				p.failed = err
			}
			p.mu.Unlock()
			return
		}
	}
}

// hurry gives the goroutine a thread that is woken on time, until relax: one
// that no other thread keeps waiting, whatever the machine does besides.
func hurry() (relax func()) {
	runtime.LockOSThread()
	// What cannot be had makes the link later, and not wrong.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, slack, 0, 0, 0)
	before, err := unix.SchedGetAttr(0, 0)
	if err == nil {
		err = unix.SchedSetAttr(0, &unix.SchedAttr{
			Size:     unix.SizeofSchedAttr,
			Policy:   unix.SCHED_RR,
			Priority: priority,
		}, 0)
	}
	return func() {
		// Zero is the default.
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0)
		if err == nil && unix.SchedSetAttr(0, before, 0) != nil {
			return // the thread ends with its goroutine
		}
		runtime.UnlockOSThread()
	}
}

// carry takes what the ends have sent, delivers what is due, and returns when
// something else is.
func (p *pump) carry() (at time.Duration, any bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping {
		return 0, false, ErrClosed
	}
	for i := range p.ways {
		w := &p.ways[i]
		if p.polls[i].Revents != 0 {
			if err := w.collect(p); err != nil {
				return 0, false, err
			}
		}
	}
	for i := range p.ways {
		w := &p.ways[i]
		if err := w.deliver(p); err != nil {
			return 0, false, err
		}
		if t, ok := w.next(); ok && (!any || t < at) {
			at, any = t, true
		}
	}
	return at, any, nil
}

// collect takes packets from the end that sends.
func (w *way) collect(p *pump) error {
	for range batch {
		packet := w.blank()
		n, err := unix.Read(w.from, packet.buf[:])
		switch {
		case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
			w.recycle(packet)
			return nil
		case err != nil:
			return wrap("read", err)
		case n == 0 || packet.buf[0]>>4 != 4:
			// The kernel looks for IPv6 neighbours by itself.
			w.recycle(packet)
			continue
		}
		packet.size = n
		w.push(packet, p.now())
	}
	return nil
}

// deliver hands the other end what has arrived.
func (w *way) deliver(p *pump) error {
	for range batch {
		packet := w.take(p.now())
		if packet == nil {
			return nil
		}
		_, err := unix.Write(w.to, packet.buf[:packet.size])
		w.recycle(packet)
		// The kernel refuses packets that it has no memory for.
		if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.ENOMEM) {
			return wrap("write", err)
		}
	}
	return nil
}

// sleep waits until a packet comes, until one is due, or until change or stop.
func (p *pump) sleep(at time.Duration, any bool) error {
	var timeout *unix.Timespec
	if any {
		p.timeout = unix.NsecToTimespec(max(0, int64(at-p.now())))
		timeout = &p.timeout
	}
	for i := range p.polls {
		p.polls[i].Revents = 0
	}
	_, err := unix.Ppoll(p.polls[:], timeout, nil)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return wrap("ppoll", err)
	}
	if p.polls[2].Revents != 0 {
		var count [8]byte
		// Nothing to read is nothing to forget.
		_, _ = unix.Read(p.wake, count[:])
	}
	return nil
}
