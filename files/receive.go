package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"iter"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
)

// Incoming yields the files that the other end of a call sends with [Send] or
// [Call], in the order in which it sends them, once. What is not wanted of a
// file, or not read to its end, before the loop goes on is refused, and so is
// what follows when the loop is left.
//
// The last pair has an error, and no file, if the conversation failed: because
// the call is over or ctx done, because the files are beyond the limits, in
// which case nothing of them has been taken, or because the peer broke the
// protocol. What is wrong with one file is an error of that file's methods.
//
// Each file begins when the program has said that it wants it: a round trip.
// [Save] wants all of them at once.
func Incoming(ctx context.Context, p Party, opts *Options) iter.Seq2[*File, error] {
	return func(yield func(*File, error) bool) {
		in, err := newIncoming(ctx, p, opts)
		defer in.stop()
		for _, f := range in.files {
			if !yield(f, nil) {
				in.giveUp(twinwire.Errorf(twinwire.Rejected, "receiver took no more files"))
				return
			}
			if err = f.leave(); err != nil {
				break
			}
		}
		if err = in.finish(err); err != nil {
			yield(nil, err)
		}
	}
}

// incoming is the receiver of the files of one call.
type incoming struct {
	ctx   context.Context
	r     *core.StreamReader
	w     *core.StreamWriter
	o     Options
	meter *meter
	files []*File
	total int64  // bytes that were announced or have come
	buf   []byte // for saving and skipping
	stop  func() bool
}

// newIncoming reads the manifest. There are no files if it fails.
func newIncoming(ctx context.Context, p Party, opts *Options) (*incoming, error) {
	in := &incoming{ctx: ctx, o: opts.withDefaults()}
	in.r, in.w = streams(ctx, p, false)
	in.stop = context.AfterFunc(ctx, func() {
		if r, ok := p.(*core.Request); ok && r.Session().Context().Err() != nil {
			return // the streams end by themselves, behind what has come
		}
		in.giveUp(context.Cause(ctx))
	})
	err := in.manifest()
	if err != nil {
		in.files = nil
	}
	return in, err
}

func (in *incoming) manifest() error {
	var h head
	switch err := in.r.Receive(&h); err {
	case nil:
	case io.EOF, io.ErrUnexpectedEOF:
		return twinwire.Errorf(twinwire.FailedPrecondition, "peer sent no files")
	default:
		return err
	}
	if err := h.err(); err != nil {
		return err
	}
	if err := in.o.Limits.checkCount(h.Files); err != nil {
		return err
	}
	in.meter = newMeter(&in.o, h.Files)
	names := make(map[string]bool)
	for i := range h.Files {
		f := &File{in: in, index: i}
		if err := in.r.Receive(&f.info); err != nil {
			return unexpected(err)
		}
		if err := in.o.Limits.checkInfo(&f.info, in.total); err != nil {
			return err
		}
		if names[f.info.Name] {
			return twinwire.Errorf(twinwire.BadRequest, "name of a file is there twice")
		}
		names[f.info.Name] = true
		in.meter.expect(f.info.Size)
		in.total += max(f.info.Size, 0)
		in.files = append(in.files, f)
	}
	return nil
}

// giveUp ends both streams.
func (in *incoming) giveUp(err error) {
	in.w.Abort(err)
	in.r.CloseWith(err)
}

// finish ends the conversation, with why it failed if it did, and returns
// that.
func (in *incoming) finish(err error) error {
	if err == nil {
		_ = in.w.Close() // the verdicts are queued; it may be over already
		switch n, e := in.r.Read(make([]byte, 1)); {
		case n > 0:
			err = violation("data behind the last file")
		case e != io.EOF:
			err = e
		default:
			return nil
		}
	}
	err = in.because(err)
	in.giveUp(err)
	return err
}

// A File is a file that the peer sends. It is taken by reading it, by Save or
// by SaveAs, and refused by Refuse. Its methods are for the loop that yields
// it; afterwards they fail.
type File struct {
	in    *incoming
	index int
	info  Info

	// How far it is. A file that was taken or refused is answered, and ended
	// when the sender has said that all of it was sent.
	answered, begun, told, ended bool

	content content
	hash    hash.Hash
	size    int64
	at      int64 // from where it was asked for
	saving  *saving
	excess  int64 // what has come of it after the last word
	err     error // what Read returns from now on
}

// Info returns what is known of the file. The hash is verified once the file
// was taken.
func (f *File) Info() Info { return f.info }

// errLeft is the error of files that the loop has left.
var errLeft = errors.New("files: file was used after its turn")

// Read reads the content. It returns io.EOF only when the content was whole:
// when size and hash are what the sender says. Otherwise its last error is an
// *Error, which the sender gets to know of.
func (f *File) Read(p []byte) (int, error) {
	if f.err != nil || len(p) == 0 {
		return 0, f.err
	}
	err := f.want(0, nil)
	if err == nil && !f.begun {
		_, err = f.begin()
	}
	var n int
	if err == nil {
		n, err = f.next(p)
	}
	switch err {
	case nil:
		return n, nil
	case io.EOF:
		if err = f.tell(nil); err == nil {
			err = io.EOF
		}
	default:
		err = f.fail(err)
	}
	f.err = err
	return n, err
}

// WriteTo writes the content to w, as io.Copy wants it. It returns nil where
// Read returns io.EOF.
func (f *File) WriteTo(w io.Writer) (n int64, err error) {
	for {
		k, err := f.Read(f.in.buffer())
		if k > 0 {
			k, e := w.Write(f.in.buf[:k])
			n += int64(k)
			if e != nil {
				return n, e
			}
		}
		switch err {
		case nil:
		case io.EOF:
			return n, nil
		default:
			return n, err
		}
	}
}

// Refuse says that the file is not wanted, or not any more. The sender sees
// the code and the text of err, as with the error of a handler. It returns nil,
// or the error of the conversation.
func (f *File) Refuse(err error) error {
	if f.told {
		return nil
	}
	if err == nil {
		err = twinwire.Rejected
	}
	f.err = f.fail(err)
	return f.broken()
}

// want asks for the content from an offset, once.
func (f *File) want(at int64, sum []byte) error {
	if f.answered {
		return nil
	}
	f.answered, f.at = true, at
	return f.in.reply(reply{File: f.index, Want: true, At: at, Sum: sum})
}

// tell says the last word about a file, once: that it was taken, or why not.
func (f *File) tell(err error) error {
	if f.told {
		return nil
	}
	f.told, f.answered = true, true
	f.in.meter.end(f.index, &f.info, err)
	return f.in.reply(reply{File: f.index, outcome: outcomeOf(err)})
}

// fail ends the file with an error, tells the peer, and returns it as an
// *Error.
func (f *File) fail(err error) error {
	var broken *streamError
	if errors.As(err, &broken) {
		err = &streamError{f.in.because(broken.error)}
	}
	if e := f.tell(err); e != nil && broken == nil {
		err = e
	}
	return &Error{f.info.Name, err}
}

// broken returns the error of the conversation, if that is what ended the file.
func (f *File) broken() error {
	var e *streamError
	if errors.As(f.err, &e) {
		return e.error
	}
	return nil
}

// because returns why the conversation failed.
func (in *incoming) because(err error) error {
	if in.ctx.Err() != nil {
		return givenUp(in.ctx)
	}
	return err
}

func (in *incoming) reply(a reply) error {
	if err := in.w.Send(a); err != nil {
		return &streamError{err}
	}
	return nil
}

// buffer returns a buffer for what passes through.
func (in *incoming) buffer() []byte {
	if in.buf == nil {
		in.buf = make([]byte, 32<<10)
	}
	return in.buf
}

// mark reads where a content begins or ends.
func (f *File) mark() (m mark, err error) {
	if err := f.in.r.Receive(&m); err != nil {
		return m, &streamError{unexpected(err)}
	}
	f.ended = !m.Begin
	return m, nil
}

// begin reads where the content begins: at the offset from which it was asked
// for, or at 0.
func (f *File) begin() (at int64, err error) {
	m, err := f.mark()
	switch {
	case err != nil:
		return 0, err
	case m.Code != twinwire.Accepted:
		return 0, m.err()
	case !m.Begin, m.At != 0 && m.At != f.at:
		return 0, &streamError{violation("content that was not asked for")}
	}
	f.begun = true
	f.content.r = f.in.r
	if m.At == 0 || f.hash == nil {
		f.hash, f.size = sha256.New(), 0
	}
	if f.info.Size < 0 {
		f.in.total += m.At
	}
	f.in.meter.begin(f.index, &f.info, m.At)
	return m.At, nil
}

// next reads more of the content. Its error is io.EOF when the content was
// whole, and that of the sender, of the verification or of the stream (a
// *streamError) otherwise.
func (f *File) next(p []byte) (int, error) {
	n, err := f.content.Read(p)
	if n > 0 {
		if e := f.count(n); e != nil {
			return 0, e
		}
		f.hash.Write(p[:n])
		f.in.meter.add(n)
	}
	switch err {
	case nil:
		return n, nil
	case io.EOF:
		return n, f.verify()
	}
	return n, &streamError{err}
}

// count counts what has come against what was announced and what is taken.
func (f *File) count(n int) error {
	f.size += int64(n)
	limits := f.in.o.Limits
	if f.info.Size >= 0 {
		if f.size > f.info.Size {
			return mismatch("it is longer than the %d bytes that were announced", f.info.Size)
		}
		return nil
	}
	if f.in.total += int64(n); f.in.total > limits.TotalBytes {
		return tooMuch(limits.TotalBytes)
	}
	if f.size > limits.FileBytes {
		return tooLarge(limits.FileBytes)
	}
	return nil
}

// verify compares a content with what the sender says at its end.
func (f *File) verify() error {
	m, err := f.mark()
	switch {
	case err != nil:
		return err
	case m.Begin:
		return &streamError{violation("content that does not end")}
	case m.Code != twinwire.Accepted:
		return m.err()
	case m.Size != f.size:
		return mismatch("it has %d bytes, and its sender says %d", f.size, m.Size)
	case f.info.Size >= 0 && f.size != f.info.Size:
		return mismatch("it has %d bytes instead of the %d that were announced", f.size, f.info.Size)
	}
	sum := f.hash.Sum(nil)
	switch {
	case !bytes.Equal(sum, m.Sum):
		return mismatch("it has not the hash that its sender says")
	case f.info.Hash != nil && !bytes.Equal(sum, f.info.Hash):
		return mismatch("it has not the hash that was announced")
	}
	f.info.Hash, f.info.Size = sum, f.size
	return io.EOF
}

// maxExcess is how much of a file that was refused may still come: what was on
// its way, and what the sender wrote before it was told.
const maxExcess = 64 << 20

// leave ends the turn of a file: what was not taken of it is refused, and what
// still comes is dropped. Its error is that of the conversation.
func (f *File) leave() error {
	err := f.broken()
	if err == nil && !f.told {
		why := "file is not wanted"
		if f.begun {
			why = "rest of the file is not wanted"
		}
		err = f.tell(twinwire.Errorf(twinwire.Rejected, "%s", why))
	}
	for err == nil && !f.ended {
		err = f.skip()
	}
	if f.err == nil {
		f.err = errLeft
	}
	var broken *streamError
	if errors.As(err, &broken) {
		return broken.error
	}
	return err
}

// skip drops what comes of a file until the next mark, and reads that.
func (f *File) skip() error {
	if f.begun {
		for {
			n, err := f.content.Read(f.in.buffer())
			if f.excess += int64(n); f.excess > maxExcess {
				return violation("file that was refused goes on")
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
		}
	}
	m, err := f.mark()
	if err != nil {
		return err
	}
	if m.Begin {
		if f.begun {
			return violation("content that does not end")
		}
		f.begun, f.content.r = true, f.in.r
	}
	return nil
}
