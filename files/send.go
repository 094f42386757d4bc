package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"sync"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
)

// A Party is one end of a call: the [core.Exchange] of the caller, or the
// [core.Request] of the handler, which [core.RequestFrom] returns.
type Party interface {
	Reader(slot uint8) *core.StreamReader
	Writer(slot uint8, p core.Priority) *core.StreamWriter
	Session() *core.Session
}

// streams returns the streams of a conversation about files (clause 13.1).
func streams(ctx context.Context, p Party, sends bool) (*core.StreamReader, *core.StreamWriter) {
	slot := uint8(slotDown)
	if _, caller := p.(*core.Exchange); caller == sends {
		slot = slotUp
	}
	priority := core.Normal // of what is said about the files
	if sends {
		priority = core.Bulk
	}
	return p.Reader(slot), p.Writer(slot, core.PriorityOf(ctx, priority))
}

// Send sends files to the other end of a call, once, and returns when that end
// has said of each what became of it. The error is nil if it has all of them,
// whole and verified. Otherwise it is made of an *Error for each file that it
// has not, or says why the transfer ended: that ctx is done, that the call is
// over, that the peer takes no files. A file that cannot be sent does not keep
// the others from being sent.
//
// Sources are read one after another, in their order, each once; one that is
// resumed is first read up to where the receiver was. Send at the callee returns
// before its handler does, since the streams end with that.
func Send(ctx context.Context, p Party, sources []Source, opts *Options) error {
	o := opts.withDefaults()
	s := &sender{sources: sources, states: make([]sending, len(sources)), meter: newMeter(&o, len(sources))}
	s.wake = make(chan struct{}, 1)
	s.r, s.w = streams(ctx, p, true)
	if err := checkSources(sources); err != nil {
		if s.w.Send(head{outcome: outcomeOf(err)}) == nil {
			_ = s.w.Close()
		}
		_ = s.r.Close()
		return err
	}
	for i := range sources {
		s.meter.expect(sources[i].Size)
	}
	defer context.AfterFunc(ctx, func() { s.giveUp(context.Cause(ctx)) })()
	heard := make(chan struct{})
	go func() { // ends when all files have ended, or when r is closed
		defer close(heard)
		s.hear()
	}()
	err := s.send()
	if err != nil {
		s.giveUp(err)
	}
	_ = s.r.Close()
	<-heard
	if ctx.Err() != nil && err != nil {
		return givenUp(ctx)
	}
	switch err {
	case core.ErrStopped, io.EOF, io.ErrUnexpectedEOF: // without a reason
		err = twinwire.Errorf(twinwire.FailedPrecondition, "peer did not take the files")
	}
	return errors.Join(s.failed(), err)
}

// A sender sends the files of one call.
type sender struct {
	r       *core.StreamReader
	w       *core.StreamWriter
	sources []Source
	meter   *meter
	buf     []byte // for small files

	wake chan struct{}

	mu     sync.Mutex
	states []sending
	ended  int   // files of which the receiver has said the last word
	err    error // of the replies
}

// A sending is what is known of a file at its sender.
type sending struct {
	want  *reply // from where the receiver wants it
	sent  bool   // its end is about to be sent
	ended bool   // the receiver has said its last word
	err   error
}

// giveUp ends both streams.
func (s *sender) giveUp(err error) {
	s.w.Abort(err)
	s.r.CloseWith(err)
}

// hear takes what the receiver says.
func (s *sender) hear() {
	for more := true; more; {
		var a reply
		err := s.r.Receive(&a)
		s.mu.Lock()
		if err == nil {
			err = s.heardLocked(&a)
		}
		if err != nil {
			s.err = err
		}
		more = err == nil && s.ended < len(s.states)
		s.mu.Unlock()
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

func (s *sender) heardLocked(a *reply) error {
	if a.File >= len(s.states) {
		return violation("answer about a file that there is not")
	}
	st := &s.states[a.File]
	switch {
	case st.ended || a.Want && st.want != nil:
		return violation("second answer about a file")
	case !a.Want && a.Code == twinwire.Accepted && !st.sent:
		return violation("file that was not sent has arrived")
	case a.Want:
		st.want = a
		return nil
	}
	st.ended = true
	s.ended++
	if st.err == nil {
		st.err = a.err()
	}
	return nil
}

// wait waits until ready, which is called with mu.
func (s *sender) wait(ready func() bool) error {
	for {
		s.mu.Lock()
		ok, err := ready(), s.err
		s.mu.Unlock()
		switch {
		case ok:
			return nil
		case err != nil:
			return err
		}
		<-s.wake
	}
}

// send sends everything. Its error is that of the streams.
func (s *sender) send() error {
	if err := s.w.Send(head{Files: len(s.sources)}); err != nil {
		return err
	}
	for i := range s.sources {
		if err := s.w.Send(s.sources[i].Info); err != nil {
			return err
		}
	}
	for i := range s.sources {
		if err := s.file(i); err != nil {
			return err
		}
	}
	if err := s.w.Close(); err != nil {
		return err
	}
	return s.wait(func() bool { return s.ended == len(s.states) })
}

// file sends one file as far as the receiver wants it. Its error is that of
// the stream.
func (s *sender) file(i int) error {
	st := &s.states[i]
	if err := s.wait(func() bool { return st.want != nil || st.ended }); err != nil {
		return err
	}
	end, err := s.content(i)
	var broken *streamError
	if errors.As(err, &broken) {
		return broken.error
	}
	s.mu.Lock()
	if err != nil && err != errEnough { // the receiver has said why
		st.err = err
	}
	err = st.err
	st.sent = true
	s.mu.Unlock()
	if err != nil {
		end = mark{outcome: outcomeOf(err)}
	}
	s.meter.end(i, &s.sources[i].Info, err)
	return s.w.Send(end)
}

// enough reports whether the receiver has said the last word about a file.
func (s *sender) enough(i int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.states[i].ended
}

// content sends the content of a file and returns what ends it.
func (s *sender) content(i int) (mark, error) {
	src := &s.sources[i]
	if s.enough(i) {
		return mark{}, errEnough
	}
	want := s.states[i].want
	if src.Hash != nil && want.At == src.Size && bytes.Equal(want.Sum, src.Hash) {
		return mark{Size: src.Size, Sum: src.Hash}, s.begin(i, want.At, true)
	}
	r, sum, at, err := src.from(want)
	if err != nil {
		return mark{}, local("source cannot be read", err)
	}
	defer r.Close()
	small := src.Size >= 0 && src.Size-at <= smallFile
	p := &pieceReader{
		src: r, hash: sum, size: at, most: max(src.Size, Unknown), meter: s.meter,
		enough: func() bool { return s.enough(i) },
	}
	if err := s.begin(i, at, false); err != nil {
		return mark{}, err
	}
	if err := s.pieces(p, small); err != nil {
		return mark{}, &streamError{err}
	}
	switch p.err {
	case io.EOF:
	case errEnough:
		return mark{}, errEnough
	default:
		return mark{}, local("source cannot be read", p.err)
	}
	m := mark{Size: p.size, Sum: sum.Sum(nil)}
	if src.Size >= 0 && m.Size != src.Size {
		return mark{}, mismatch("it has %d bytes instead of the %d that were announced", m.Size, src.Size)
	}
	if src.Hash != nil && !bytes.Equal(m.Sum, src.Hash) {
		return mark{}, mismatch("it has not the hash that was announced")
	}
	return m, nil
}

// begin says that the content follows, from an offset, or that nothing does.
func (s *sender) begin(i int, at int64, empty bool) error {
	s.meter.begin(i, &s.sources[i].Info, at)
	err := s.w.Send(mark{Begin: true, At: at})
	if err == nil && empty {
		_, err = s.w.Write(make([]byte, pieceHead))
	}
	if err != nil {
		return &streamError{err}
	}
	return nil
}

// smallFile is the size below which a file shares the buffers of a stream with
// others; each larger one fills buffers of its own.
const smallFile = 8 << 10

// pieces sends what p reads, and the piece that ends it.
func (s *sender) pieces(p *pieceReader, small bool) error {
	for small {
		if s.buf == nil {
			s.buf = make([]byte, pieceHead+smallFile+1)
		}
		n, err := p.Read(s.buf)
		if err != nil {
			break // io.EOF
		}
		if _, err := s.w.Write(s.buf[:n]); err != nil {
			return err
		}
	}
	if !small {
		if _, err := s.w.ReadFrom(p); err != nil {
			return err
		}
	}
	_, err := s.w.Write(make([]byte, pieceHead))
	return err
}

// from opens the source where the receiver wants it from, if what the receiver
// has is what the source begins with, and at its beginning otherwise.
func (src *Source) from(want *reply) (r io.ReadCloser, sum hash.Hash, at int64, err error) {
	r, err = src.Open()
	if err != nil || want.At == 0 || src.Once || src.Size >= 0 && want.At > src.Size {
		return r, sha256.New(), 0, err
	}
	sum = sha256.New()
	_, err = io.CopyN(sum, r, want.At)
	if err == nil && bytes.Equal(sum.Sum(nil), want.Sum) {
		return r, sum, want.At, nil
	}
	_ = r.Close()
	if err != nil && err != io.EOF {
		return nil, nil, 0, err
	}
	r, err = src.Open()
	return r, sha256.New(), 0, err
}

// failed returns the errors of the files.
func (s *sender) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for i := range s.states {
		if err := s.states[i].err; err != nil {
			errs = append(errs, &Error{s.sources[i].Name, err})
		}
	}
	return errors.Join(errs...)
}
