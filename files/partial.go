package files

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Files that are not whole are in a directory of their own in the root:
//
//	.twinwire/ID        what an interrupted transfer has left
//	.twinwire/ID-RANDOM what a transfer is writing, or has left when its
//	                    process was killed
//
// where ID is made of the final name. A transfer takes over the first by
// renaming it to a name of its own: of two at the same time one gets it.
// Nothing is noted beside it: what it is worth, its sender finds out.
const partials = ".twinwire"

// abandoned is for how long nothing was written to a file whose process was
// killed. If it was not after all nothing is lost but that transfer: what it
// has written has been copied.
const abandoned = 5 * time.Minute

// A partial is a file that is not whole and that one transfer writes.
type partial struct {
	root *os.Root
	id   string // where it is when nobody writes it
	name string // where it is now
	file *os.File
	out  io.Writer // is file, but for tests that have the disk fail
	gone bool      // it has its final name
}

func partialID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(partials, hex.EncodeToString(sum[:16]))
}

func newPartial(root *os.Root, name string) *partial {
	id := partialID(name)
	return &partial{root: root, id: id, name: id + "-" + rand.Text()}
}

// create makes an empty one. The umask has its say in the mode.
func create(root *os.Root, name string, mode fs.FileMode) (*partial, error) {
	p := newPartial(root, name)
	perm := fs.FileMode(0o666)
	if mode&0o100 != 0 {
		perm = 0o777
	}
	for try := 0; ; try++ {
		var err error
		p.file, err = root.OpenFile(p.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		if err == nil {
			p.out = p.file
			return p, nil
		}
		if try == 3 || !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		// Another transfer may remove the directory before there is a file.
		if err := root.Mkdir(partials, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
}

// claim takes over what was left of a file, and hashes it. It returns nil if
// there is nothing.
func claim(root *os.Root, name string) (*partial, int64, hash.Hash, error) {
	p := newPartial(root, name)
	err := root.Rename(p.id, p.name)
	if errors.Is(err, fs.ErrNotExist) {
		err = p.adopt()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, 0, nil, nil
	case err != nil:
		return nil, 0, nil, err
	}
	size, sum, err := hashFile(root, p.name)
	if err != nil {
		p.release(false)
		return nil, 0, nil, err
	}
	return p, size, sum, nil
}

// adopt copies what another transfer of the file has written, the one that is
// farthest: its process may have been killed, or has not noticed yet that its
// peer is gone and that this is the same file again. Whether it still writes
// does no harm: a copy has what it is a copy of.
func (p *partial) adopt() error {
	dir, err := p.root.Open(partials)
	if err != nil {
		return err
	}
	entries, err := dir.ReadDir(-1)
	_ = dir.Close()
	if err != nil {
		return err
	}
	var name string
	var best fs.FileInfo
	for _, e := range entries {
		path := filepath.Join(partials, e.Name())
		if !strings.HasPrefix(path, p.id+"-") {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && (best == nil || info.Size() > best.Size()) {
			name, best = path, info
		}
	}
	if best == nil || best.Size() == 0 {
		return fs.ErrNotExist
	}
	if err := p.copyOf(name); err != nil {
		return err
	}
	if time.Since(best.ModTime()) >= abandoned {
		return p.root.Remove(name)
	}
	return nil
}

// copyOf makes the file of a copy of another one.
func (p *partial) copyOf(name string) error {
	from, err := p.root.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	to, err := p.root.OpenFile(p.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	err = errors.Join(err, to.Close())
	if err != nil {
		_ = p.root.Remove(p.name)
	}
	return err
}

// hashFile returns the size of a file and the hash of what is in it.
func hashFile(root *os.Root, name string) (int64, hash.Hash, error) {
	f, err := root.Open(name)
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	return n, sum, err
}

// open opens one that was claimed, to be written from an offset: that at which
// it ends, or 0.
func (p *partial) open(at int64) (err error) {
	p.file, err = p.root.OpenFile(p.name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	p.out = p.file
	if err = p.file.Truncate(at); err == nil {
		_, err = p.file.Seek(at, io.SeekStart)
	}
	return err
}

// commit gives the file its name and its time. What is left of it is released
// by the caller.
func (p *partial) commit(s *saving, info *Info) error {
	var err error
	if !s.o.NoSync {
		err = p.file.Sync()
	}
	err = errors.Join(err, p.file.Close())
	p.file = nil
	if err == nil && !info.ModTime.IsZero() {
		err = p.root.Chtimes(p.name, info.ModTime, info.ModTime)
	}
	final := filepath.FromSlash(s.name)
	if dir := filepath.Dir(final); err == nil && dir != "." {
		err = p.root.MkdirAll(dir, 0o777)
	}
	if err != nil {
		return err
	}
	if s.o.Existing != Refuse {
		return p.rename(final)
	}
	// A link replaces nothing, even if something has come there meanwhile.
	err = p.root.Link(p.name, final)
	if err == nil {
		_ = p.root.Remove(p.name)
		p.gone = true
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		return errExists
	}
	if _, err := p.root.Lstat(final); err == nil { // a file system without links
		return errExists
	}
	return p.rename(final)
}

func (p *partial) rename(final string) error {
	err := p.root.Rename(p.name, final)
	p.gone = err == nil
	return err
}

// release ends the writing, and keeps what there is or not.
func (p *partial) release(keep bool) {
	size := int64(1) // of one that was claimed
	if p.file != nil {
		size, _ = p.file.Seek(0, io.SeekCurrent)
		_ = p.file.Close()
		p.file = nil
	}
	switch {
	case p.gone:
		_ = p.root.Remove(p.id) // what another one has left is of no use now
	case !keep || size == 0 || p.root.Rename(p.name, p.id) != nil:
		_ = p.root.Remove(p.name)
	}
}

// tidy removes the directory of partial files if it is empty; Remove fails if
// it is not.
func tidy(root *os.Root) {
	if info, err := root.Lstat(partials); err == nil && info.IsDir() {
		_ = root.Remove(partials)
	}
}

// Clean removes what interrupted transfers have left below root and nobody has
// written to for some time. What a transfer is writing is newer than that.
func Clean(root *os.Root, unused time.Duration) error {
	dir, err := root.Open(partials)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	entries, err := dir.ReadDir(-1)
	_ = dir.Close()
	errs := []error{err}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) >= unused {
			errs = append(errs, root.Remove(filepath.Join(partials, e.Name())))
		}
	}
	tidy(root)
	return errors.Join(errs...)
}
