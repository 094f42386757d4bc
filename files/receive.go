package files

import (
	"context"
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
	stop  func()
}

// newIncoming reads the manifest. There are no files if it fails. stop is to be
// called.
func newIncoming(ctx context.Context, p Party, opts *Options) (*incoming, error) {
	in := &incoming{ctx: ctx, o: opts.withDefaults()}
	in.r, in.w = streams(ctx, p, false)
	forget := context.AfterFunc(ctx, func() {
		if r, ok := p.(*core.Request); ok && r.Session().Context().Err() != nil {
			return // the streams end by themselves, behind what has come
		}
		in.giveUp(context.Cause(ctx))
	})
	end := func() {}
	in.stop = func() { forget(); end() }
	err := in.manifest(func() (err error) {
		// Not before files come: until then nothing is received.
		leave, err := p.Session().BeginFiles(ctx)
		if err == nil {
			end = leave
		}
		return err
	})
	if err != nil {
		in.files = nil
	}
	return in, err
}

// manifest reads the manifest; begin is called before its first file.
func (in *incoming) manifest(begin func() error) error {
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
	if h.Files > 0 {
		if err := begin(); err != nil {
			return err
		}
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
