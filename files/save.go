package files

import (
	"context"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/twinwire/twinwire"
)

// Save takes all files that the other end of a call sends and saves them below
// root under their names, as [File.Save] does. It returns what was saved; the
// error is made of an *Error for each file that was not, or is that of
// [Incoming]. Files that are saved stay, whatever happens to others.
func Save(ctx context.Context, p Party, root *os.Root, opts *Options) ([]Info, error) {
	in, err := newIncoming(ctx, p, opts)
	defer in.stop()
	var errs []error
	// All are wanted before the first one comes: one round trip for all.
	for _, f := range in.files {
		f.plan(root, f.info.Name)
	}
	var saved []Info
	for _, f := range in.files {
		switch e := f.save(); {
		case e == nil:
			saved = append(saved, f.info)
		case f.broken() == nil:
			errs = append(errs, e)
		}
		if err = f.leave(); err != nil {
			break
		}
	}
	for _, f := range in.files {
		f.saving.end(true) // those that never began
	}
	tidy(root)
	return saved, errors.Join(append(errs, in.finish(err))...)
}

// Save takes the file and saves it below root, under its name. It returns when
// the file is there, whole, verified, and with its modification time; or with
// an *Error, which the sender gets to know of. Directories are made as needed.
//
// Until it is whole the file is in the directory ".twinwire" of root, which has
// to be on the same file system. If the transfer is interrupted what has come
// stays there, and the next transfer of a file that is saved under this name
// goes on where it ended, once the sender has found that its file begins with
// that; see [Clean]. What is not what the sender announced, and what the disk
// does not take, does not stay. Transfers under one name at the same time do
// not disturb each other.
//
// Names lead nowhere outside of root; see os.Root for symbolic links.
func (f *File) Save(root *os.Root) error { return f.SaveAs(root, f.info.Name) }

// SaveAs is Save under a name of this side's choice, which [CheckName] has to
// allow.
func (f *File) SaveAs(root *os.Root, name string) error {
	if f.err != nil {
		return f.err
	}
	if f.answered {
		return &Error{f.info.Name, errors.New("files: file was taken already")}
	}
	f.plan(root, name)
	err := f.save()
	f.saving.end(true)
	tidy(root)
	return err
}

// A saving is a file on its way to a name.
type saving struct {
	root *os.Root
	name string
	o    *Options
	part *partial // nil if there is none yet
	same bool     // what is there under the name may be the file
}

// plan looks at what there is of a file, and asks for the rest.
func (f *File) plan(root *os.Root, name string) {
	f.saving = &saving{root: root, name: name, o: &f.in.o}
	err := CheckName(name)
	if err == nil {
		f.size, f.hash, err = f.saving.look(&f.info)
	}
	if err == nil {
		var sum []byte
		if f.size > 0 {
			sum = f.hash.Sum(nil)
		}
		err = f.want(f.size, sum)
	}
	if err != nil {
		f.err = f.fail(local("file cannot be saved", err))
	}
}

// look returns how much of the file there is, and its hash so far.
func (s *saving) look(info *Info) (size int64, sum hash.Hash, err error) {
	there, err := s.root.Lstat(filepath.FromSlash(s.name))
	switch {
	case err == nil && !there.Mode().IsRegular() && there.Mode().Type() != fs.ModeSymlink:
		return 0, nil, twinwire.Errorf(twinwire.AlreadyExists, "there is something of this name that is not a file")
	case err == nil && s.o.Existing == Refuse:
		return 0, nil, errExists
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return 0, nil, err
	}
	exists := err == nil && there.Mode().IsRegular()
	if s.part, size, sum, err = claim(s.root, s.name); s.part != nil || err != nil {
		if err == nil && info.Size >= 0 && size > info.Size {
			size, sum = 0, nil
		}
		return size, sum, err
	}
	if exists && s.o.Existing == SkipSame && there.Size() == info.Size && info.Size > 0 {
		size, sum, err = hashFile(s.root, filepath.FromSlash(s.name))
		s.same = err == nil && size == info.Size
	}
	if !s.same {
		return 0, nil, nil
	}
	return size, sum, nil
}

var errExists error = &twinwire.Error{Code: twinwire.AlreadyExists, Message: "there is a file of this name"}

// save receives a file that was asked for.
func (f *File) save() error {
	if f.err != nil {
		return f.err
	}
	err := f.write()
	if err == nil {
		err = f.tell(nil)
	}
	if err != nil {
		f.err = f.fail(err)
		return f.err
	}
	return nil
}

// write writes a file as it comes, and gives it its name.
func (f *File) write() error {
	s := f.saving
	at, err := f.begin()
	if err != nil {
		return err
	}
	same := s.same && at > 0
	if !same {
		if err := s.open(at, f.info.Mode); err != nil {
			s.end(false)
			return local("file cannot be saved", err)
		}
	}
	for {
		n, err := f.next(f.in.buffer())
		if n > 0 {
			if same { // an end of the same length cannot have come
				return mismatch("it goes on behind its end")
			}
			if _, err := s.part.out.Write(f.in.buf[:n]); err != nil {
				s.end(false)
				return local("file cannot be saved", err)
			}
		}
		switch {
		case err == nil:
			continue
		case err != io.EOF:
			s.end(f.interrupted(err))
			return err
		case same:
			return nil
		}
		err = s.part.commit(s, &f.info)
		s.end(false)
		return local("file cannot be saved", err)
	}
}

// interrupted reports whether a transfer that failed may go on another time,
// and what has come is worth something.
func (f *File) interrupted(err error) bool {
	var broken *streamError
	if errors.Is(err, ErrMismatch) || twinwire.CodeOf(err) == twinwire.BadRequest {
		return false
	}
	return f.ended || errors.As(err, &broken)
}

// open makes the partial file ready to be written from an offset.
func (s *saving) open(at int64, mode fs.FileMode) (err error) {
	if s.part == nil {
		s.part, err = create(s.root, s.name, mode)
	} else {
		err = s.part.open(at)
	}
	if err == nil && s.o.disk != nil {
		s.part.out = s.o.disk(s.part.file)
	}
	return err
}

// end ends a saving that is not over, and keeps what there is for another time,
// or not.
func (s *saving) end(keep bool) {
	if s != nil && s.part != nil {
		s.part.release(keep)
		s.part = nil
	}
}
