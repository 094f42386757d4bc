package ws

import (
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport/internal/eager"
)

// A spool is a TCP connection that can be written to without waiting: what the
// kernel does not take at once is copied and written in the background. So the
// goroutine that has something to send can write it itself, whatever the
// network is like, and need not wake up another one for it.
//
// Between begin and end, Write collects: the TLS records of a batch are one
// write. Otherwise it waits as that of any connection does. Closing, deadlines
// and reading are those of the TCP connection.
type spool struct {
	*net.TCPConn
	raw syscall.RawConn // nil where the system cannot do it

	lull  func() bool // is called before Read waits; nil for nothing
	eager eager.Reader

	behind atomic.Bool // a goroutine writes what the kernel did not take

	// wmu is held while something is written in the foreground. It is not
	// always the sender's: crypto/tls answers from the goroutine that reads.
	wmu   sync.Mutex
	buf   *spoolBuffer // from begin to end
	batch []byte       // in buf
	told  func(error)  // of an error in the background, nil when nothing is behind any more

	mu      sync.Mutex
	settled chan struct{} // closed when behind or err has changed; nil if nothing was ever behind
	err     error         // of the background

	awaiting atomic.Bool // a goroutine waits for the kernel to send
	amu      sync.Mutex  // held while it does
	dmu      sync.Mutex  // held while the write deadline changes
	until    time.Time   // the write deadline; guarded by dmu
}

// A spoolBuffer has room for a batch, with the headers of WebSocket and TLS.
type spoolBuffer [frame.MaxBatch + 1<<10]byte

var spoolBuffers = sync.Pool{New: func() any { return new(spoolBuffer) }}

// spoolRest is how much the background writes from a buffer of its own size: a
// peer that does not read would hold on to a large one.
const spoolRest = 16 << 10

// newSpool returns a spool of a connection.
func newSpool(conn *net.TCPConn) *spool {
	s := &spool{TCPConn: conn}
	if canTry {
		s.raw, _ = conn.SyscallConn() // without it, writing waits as elsewhere
	}
	return s
}

// spoolOf returns the spool under layers such as TLS, or nil.
func spoolOf(conn net.Conn) *spool {
	for {
		switch layer := conn.(type) {
		case *spool:
			return layer
		case interface{ NetConn() net.Conn }:
			conn = layer.NetConn()
		default:
			return nil
		}
	}
}

// NetConn returns the TCP connection.
func (s *spool) NetConn() net.Conn { return s.TCPConn }

// prompt reports whether begin would not wait. A nil spool always waits.
func (s *spool) prompt() bool { return s != nil && s.raw != nil && !s.behind.Load() }

// late reports whether something is behind.
func (s *spool) late() bool { return s != nil && s.behind.Load() }

// onLull has f called before Read waits, and reports whether it will be. It is
// not called while Read runs.
func (s *spool) onLull(f func() bool) bool {
	if s == nil || s.raw == nil {
		return false
	}
	s.lull = f
	return true
}

// Read reads as that of any connection does.
func (s *spool) Read(b []byte) (int, error) {
	if s.lull == nil {
		return s.TCPConn.Read(b)
	}
	return readOr(s.raw, b, s.lull, &s.eager)
}

// begin waits until nothing is behind, and has Write collect.
func (s *spool) begin() error {
	if s == nil || s.raw == nil {
		return nil
	}
	s.wmu.Lock()
	defer s.wmu.Unlock()
	s.interrupt()
	if err := s.settle(); err != nil {
		return err
	}
	s.buf = spoolBuffers.Get().(*spoolBuffer)
	s.batch = s.buf[:0]
	return nil
}

// settle waits until nothing is behind. The write deadline bounds it.
func (s *spool) settle() error {
	if !s.behind.Load() {
		return nil
	}
	s.mu.Lock()
	settled := s.settled
	s.mu.Unlock()
	<-settled
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// SetWriteDeadline sets the deadline of writes and of awaitSent.
func (s *spool) SetWriteDeadline(t time.Time) error {
	s.dmu.Lock()
	defer s.dmu.Unlock()
	s.until = t
	return s.TCPConn.SetWriteDeadline(t)
}

// interrupt has awaitSent return, since nobody else can write while that waits.
// wmu is held.
func (s *spool) interrupt() {
	if !s.awaiting.Load() {
		return
	}
	s.dmu.Lock()
	defer s.dmu.Unlock()
	s.awaiting.Store(false)
	_ = s.TCPConn.SetWriteDeadline(time.Unix(1, 0)) // where it fails, so does awaitSent
	s.amu.Lock()                                    // awaitSent has returned
	_ = s.TCPConn.SetWriteDeadline(s.until)
	s.amu.Unlock()
}

// vacate interrupts who awaits.
func (s *spool) vacate() {
	if s != nil && s.raw != nil {
		s.wmu.Lock()
		s.interrupt()
		s.wmu.Unlock()
	}
}

// await returns when begin would not wait, or would fail.
func (s *spool) await() {
	if s != nil && s.raw != nil {
		_ = s.settle() // the next begin says it again
	}
}

// awaitSent returns when begin would not wait, or would fail, and the kernel has
// sent most of what it took. What it takes beyond the low-water mark may be 64
// KiB more: it fills up the packet that it makes next, which is of that size on
// a path of any speed, before it looks at the mark. It fails when that takes
// longer than the write deadline allows; all else the next begin says.
func (s *spool) awaitSent() error {
	if s == nil || s.raw == nil || s.settle() != nil {
		return nil
	}
	s.wmu.Lock() // nobody writes now, and who does later interrupts this
	s.awaiting.Store(true)
	s.wmu.Unlock()
	s.amu.Lock()
	defer s.amu.Unlock()
	if !s.awaiting.Load() {
		return nil
	}
	err := awaitWritable(s.raw)
	if !s.awaiting.Swap(false) {
		return nil // it was interrupted
	}
	return err
}

// Write collects b, or writes it.
func (s *spool) Write(b []byte) (int, error) {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	if s.buf != nil {
		s.batch = append(s.batch, b...)
		return len(b), nil
	}
	s.interrupt()
	if err := s.settle(); err != nil {
		return 0, err
	}
	return s.TCPConn.Write(b)
}

// end writes what was collected, as far as the kernel takes it, and leaves the
// rest to a goroutine, which ends when it is written or cannot be.
func (s *spool) end() error {
	if s == nil || s.raw == nil {
		return nil
	}
	s.wmu.Lock()
	defer s.wmu.Unlock()
	b, buf := s.batch, s.buf
	s.batch, s.buf = nil, nil
	n, err := try(s.raw, b)
	if rest := b[n:]; err == nil && len(rest) > 0 {
		if len(rest) <= spoolRest {
			rest = append([]byte(nil), rest...)
			spoolBuffers.Put(buf)
			buf = nil
		}
		s.mu.Lock()
		s.settled = make(chan struct{})
		s.mu.Unlock()
		s.behind.Store(true)
		go s.catchUp(rest, buf)
		return nil
	}
	spoolBuffers.Put(buf)
	return err
}

// catchUp writes what the kernel did not take.
func (s *spool) catchUp(b []byte, buf *spoolBuffer) {
	_, err := s.TCPConn.Write(b)
	if buf != nil {
		spoolBuffers.Put(buf)
	}
	s.mu.Lock()
	if s.err = err; err == nil {
		s.behind.Store(false)
	}
	close(s.settled)
	s.mu.Unlock()
	if s.told != nil {
		s.told(err)
	}
}

// NewListener returns a listener whose connections, when Upgrade has made
// carriers of them, can be sent to without waiting (transport.Prompt). TLS goes
// on top of it.
func NewListener(l net.Listener) net.Listener { return &listener{l} }

type listener struct{ net.Listener }

func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
		return newSpool(tcp), nil
	}
	return conn, err
}
