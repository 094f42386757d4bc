package files

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"

	"github.com/twinwire/twinwire"
)

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
