package files

import (
	"fmt"
	"io"
	"time"

	"github.com/twinwire/twinwire"
)

// Options are what a program may say about a transfer. Nil means all defaults.
type Options struct {
	// Progress is called when a file begins, while it goes on, at most ten
	// times a second, and when it ends; never twice at once. It is called by
	// the goroutine that transfers, which waits for it.
	Progress func(Progress)
	// Existing says what happens to files that are there already. The zero
	// value refuses to touch them.
	Existing Existing
	// NoSync has files be saved without waiting until the disk has them. That
	// is faster for small files, and after a power failure there may be a
	// short one.
	NoSync bool
	// Limits bounds what a receiver takes; nil means the defaults.
	Limits *Limits

	disk func(io.Writer) io.Writer // for tests
}

// Existing says what a receiver does with a file whose name there is already.
type Existing uint8

const (
	// Refuse refuses the file with AlreadyExists.
	Refuse Existing = iota
	// Replace replaces what is there, once the new file is whole.
	Replace
	// SkipSame is Replace, but a file with the same content is not sent again
	// and stays as it is.
	SkipSame
)

// Limits bounds what a receiver takes in one call. Zero means the default, a
// negative number none at all.
type Limits struct {
	// Files is the number of files. Default 1,000.
	Files int
	// FileBytes is the size of one file. Default 100 MiB.
	FileBytes int64
	// TotalBytes is the size of all files together. Default 4 GiB.
	TotalBytes int64
	// NameBytes is the length of a name. Default 1,024, which is also the most.
	NameBytes int
}

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	var l Limits
	if d.Limits != nil {
		l = *d.Limits
	}
	l.Files = bound(l.Files, 1000)
	l.FileBytes = bound(l.FileBytes, 100<<20)
	l.TotalBytes = bound(l.TotalBytes, 4<<30)
	l.NameBytes = min(bound(l.NameBytes, maxName), maxName)
	d.Limits = &l
	return d
}

func bound[N int | int64](n, otherwise N) N {
	if n == 0 {
		return otherwise
	}
	return max(n, 0)
}

// checkCount checks the number of files.
func (l *Limits) checkCount(n int) error {
	if n > l.Files {
		return twinwire.Errorf(twinwire.TooLarge, "%d files are more than the %d that are taken at once", n, l.Files)
	}
	return nil
}

// checkInfo checks an entry of a manifest that goes on from total bytes.
func (l *Limits) checkInfo(i *Info, total int64) error {
	switch {
	case len(i.Name) > l.NameBytes:
		return twinwire.Errorf(twinwire.TooLarge, "name of a file is longer than %d bytes", l.NameBytes)
	case i.Size > l.FileBytes:
		return tooLarge(l.FileBytes)
	case i.Size > l.TotalBytes-total:
		return tooMuch(l.TotalBytes)
	}
	return CheckName(i.Name)
}

func tooLarge(most int64) error {
	return twinwire.Errorf(twinwire.TooLarge, "a file has more than the %d bytes that are taken", most)
}

func tooMuch(most int64) error {
	return twinwire.Errorf(twinwire.TooLarge, "the files have more than the %d bytes that are taken at once", most)
}

// Progress is how far a transfer is. Sizes are in bytes.
type Progress struct {
	// Name is the file that is being transferred, the File-th of Files,
	// counted from 1.
	Name        string
	File, Files int
	// Done is how much of the file the receiver will have when what was
	// transferred has arrived, and Size what it will have in the end, or
	// Unknown. From is where this transfer began: what the receiver had before.
	Done, Size, From int64
	// TotalDone and Total are the same for all files. Total is Unknown if the
	// size of one is.
	TotalDone, Total int64
	// Ended says that this is the last word about the file. Err is why it did
	// not end well, as far as is known then.
	Ended bool
	Err   error
}

// String returns a line such as "a.bin (2 of 3): 50 % of 1048576 bytes".
func (p Progress) String() string {
	s := fmt.Sprintf("%s (%d of %d): ", p.Name, p.File, p.Files)
	switch {
	case p.Err != nil:
		return s + p.Err.Error()
	case p.Size > 0:
		return s + fmt.Sprintf("%d %% of %d bytes", int64(float64(p.Done)/float64(p.Size)*100), p.Size)
	}
	return s + fmt.Sprintf("%d bytes", p.Done)
}

// A meter tells the progress.
type meter struct {
	tell func(Progress)
	p    Progress
	last time.Time
}

// pause is the time between two calls of Options.Progress for one file.
const pause = 100 * time.Millisecond

func newMeter(o *Options, n int) *meter {
	return &meter{tell: o.Progress, p: Progress{Files: n}}
}

// expect adds a file to the total.
func (m *meter) expect(size int64) {
	if size < 0 || m.p.Total < 0 {
		m.p.Total = Unknown
		return
	}
	m.p.Total += size
}

// begin begins the i-th file at an offset.
func (m *meter) begin(i int, info *Info, at int64) {
	m.p.Name, m.p.File, m.p.Size = info.Name, i+1, info.Size
	m.p.From, m.p.Done, m.p.Ended, m.p.Err = at, at, false, nil
	m.p.TotalDone += at
	m.say(true)
}

// add says that n more bytes of the file were transferred.
func (m *meter) add(n int) {
	m.p.Done += int64(n)
	m.p.TotalDone += int64(n)
	m.say(false)
}

// end ends the i-th file, which may not have begun.
func (m *meter) end(i int, info *Info, err error) {
	if m.p.File != i+1 {
		m.begin(i, info, 0)
	}
	if m.p.Ended {
		return
	}
	m.p.Ended, m.p.Err = true, err
	m.say(true)
}

func (m *meter) say(now bool) {
	if m.tell == nil {
		return
	}
	if t := time.Now(); now || t.Sub(m.last) >= pause {
		m.last = t
		m.tell(m.p)
	}
}
