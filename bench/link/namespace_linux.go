package link

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	// device is the name of the one device of a namespace, next to loopback.
	device = "link0"
	// deviceQueue is how many packets a device keeps for the link to pick up:
	// enough for a link that is late by some milliseconds at a gigabit.
	deviceQueue = 8192
)

// A namespace is a network namespace with a TUN device.
type namespace struct {
	file int // what setns wants
	tun  int // what carries the packets of the device, one for each read
}

// newNamespace makes a namespace whose device is up and has an address.
func newNamespace(addr netip.Addr) (_ *namespace, err error) {
	n := &namespace{file: -1, tun: -1}
	leave, err := visit(func() error { return wrap("unshare", unix.Unshare(unix.CLONE_NEWNET)) })
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, leave())
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	if n.file, err = openNamespace(); err != nil {
		return nil, err
	}
	if n.tun, err = openDevice(); err != nil {
		return nil, err
	}
	return n, configure(addr)
}

func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("link: %s: %w", what, err)
	}
	return nil
}

// openNamespace returns the namespace of this thread.
func openNamespace() (int, error) {
	const path = "/proc/thread-self/ns/net"
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	return fd, wrap(path, err)
}

// visit ties the goroutine to its thread, and lets move take that elsewhere.
// leave takes it back. A thread that cannot be taken back ends with its
// goroutine.
func visit(move func() error) (leave func() error, err error) {
	runtime.LockOSThread()
	home, err := openNamespace()
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	if err := move(); err != nil {
		runtime.UnlockOSThread()
		return nil, errors.Join(err, unix.Close(home))
	}
	return func() error {
		err := wrap("setns", unix.Setns(home, unix.CLONE_NEWNET))
		if err == nil {
			runtime.UnlockOSThread()
		}
		return errors.Join(err, unix.Close(home))
	}, nil
}

// enter ties the goroutine to a thread in the namespace until leave.
func (n *namespace) enter() (leave func() error, err error) {
	return visit(func() error { return wrap("setns", unix.Setns(n.file, unix.CLONE_NEWNET)) })
}

// openDevice makes the device of the namespace of this thread. It is gone when
// it is closed.
func openDevice() (int, error) {
	const path = "/dev/net/tun"
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, wrap(path, err)
	}
	r, err := unix.NewIfreq(device)
	if err == nil {
		// Plain packets: without IFF_VNET_HDR there are no checksums to
		// finish and no segments to cut.
		r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, r)
	}
	if err != nil {
		return -1, errors.Join(wrap("TUNSETIFF", err), unix.Close(fd))
	}
	return fd, nil
}

// configure gives the devices of the namespace of this thread what they need.
func configure(addr netip.Addr) (err error) {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return wrap("socket", err)
	}
	defer func() { err = errors.Join(err, unix.Close(s)) }()
	ip := addr.As4()
	steps := []struct {
		what    string
		device  string
		request uint
		set     func(*unix.Ifreq) error
	}{
		{"mtu", device, unix.SIOCSIFMTU, func(r *unix.Ifreq) error { r.SetUint32(MTU); return nil }},
		{"queue", device, unix.SIOCSIFTXQLEN, func(r *unix.Ifreq) error { r.SetUint32(deviceQueue); return nil }},
		{"address", device, unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(ip[:]) }},
		// The other end is a neighbour.
		{"mask", device, unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr([]byte{255, 255, 255, 0}) }},
		{"up", device, unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP); return nil }},
		{"up", "lo", unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP); return nil }},
	}
	for _, step := range steps {
		r, err := unix.NewIfreq(step.device)
		if err == nil {
			err = step.set(r)
		}
		if err == nil {
			err = unix.IoctlIfreq(s, step.request, r)
		}
		if err != nil {
			return wrap(step.device+": "+step.what, err)
		}
	}
	// A connection shall not know what earlier ones have learnt. Where the
	// file cannot be written, they share their slow start threshold.
	_ = os.WriteFile("/proc/sys/net/ipv4/tcp_no_metrics_save", []byte("1"), 0)
	return nil
}

// dropped returns how many packets the device had no room for, or 0 if it does
// not say.
func (n *namespace) dropped() uint64 {
	leave, err := n.enter()
	if err != nil {
		return 0
	}
	table, err := os.ReadFile("/proc/thread-self/net/dev")
	if errors.Join(err, leave()) != nil {
		return 0
	}
	return droppedIn(table)
}

// droppedIn reads the column of what could not be sent in proc_net_dev(5).
func droppedIn(table []byte) uint64 {
	for line := range bytes.Lines(table) {
		name, counters, ok := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
		fields := bytes.Fields(counters)
		if !ok || string(name) != device || len(fields) < 12 {
			continue
		}
		if count, err := strconv.ParseUint(string(fields[11]), 10, 64); err == nil {
			return count
		}
	}
	return 0
}

// close removes the device. The namespace ends with the last that is in it.
func (n *namespace) close() error {
	var errs []error
	for _, fd := range []*int{&n.tun, &n.file} {
		if *fd >= 0 {
			errs = append(errs, unix.Close(*fd))
			*fd = -1
		}
	}
	return errors.Join(errs...)
}
