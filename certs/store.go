//go:build !js

package certs

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What a store's directory holds: development-1/cert.pem and
// development-1/key.pem, development-2/..., and for a moment
// .development-<random>/, which becomes one of them.
const (
	generationPrefix = "development-"
	draftPrefix      = "." + generationPrefix
	certName         = "cert.pem"
	keyName          = "key.pem"
	// draftAge is after how long a draft is what a crash has left behind.
	draftAge = time.Hour
	// maxStored is more than any of the files has; they have less than 1 KiB.
	maxStored = 64 << 10
)

// A store keeps the generations of the development certificate of one user in
// a directory, which several processes share without a lock: a generation is a
// directory that appears whole, by a rename that fails if it is already there,
// and that never changes. Whoever loses that race uses what the winner made.
type store struct{ dir string }

// A generation is one development certificate with its key.
type generation struct {
	number int
	cert   *tls.Certificate // Leaf is set
}

// defaultDir is the directory of a store that is not told another one.
func defaultDir() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("certs: no directory for the development certificate: %w", err)
	}
	return filepath.Join(dir, "twinwire"), nil
}

// numbers returns the numbers of the generations in the directory, ascending;
// none if there is no directory.
func (s store) numbers() ([]int, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("certs: looking for development certificates: %w", err)
	}
	var numbers []int
	for _, e := range entries {
		suffix, ok := strings.CutPrefix(e.Name(), generationPrefix)
		if !ok {
			continue
		}
		// Only the canonical spelling: save must find the number taken.
		if n, err := strconv.Atoi(suffix); err == nil && n > 0 && strconv.Itoa(n) == suffix {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func (s store) path(number int) string {
	return filepath.Join(s.dir, generationPrefix+strconv.Itoa(number))
}

// leaf reads the certificate of a generation.
func (s store) leaf(number int) (*x509.Certificate, error) {
	file := filepath.Join(s.path(number), certName)
	text, err := readPrivate(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("certs: %s does not begin with a certificate in PEM", file)
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("certs: %s: %w", file, err)
	}
	return leaf, nil
}

// read reads a generation. The error is fs.ErrNotExist where another process
// has just removed it.
func (s store) read(number int) (generation, error) {
	certFile := filepath.Join(s.path(number), certName)
	certPEM, err := readPrivate(certFile)
	if err != nil {
		return generation{}, err
	}
	keyPEM, err := readPrivate(filepath.Join(s.path(number), keyName))
	if err != nil {
		return generation{}, err
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return generation{}, fmt.Errorf("certs: %s and its key: %w", certFile, err)
	}
	return generation{number, &cert}, nil
}

// readPrivate reads a file that only its owner may read. A key that others
// could read is no longer one, and a file that this user did not write says
// nothing about whom this user trusts: since the mode lets only the owner
// read it, whoever gets past the check has written it.
func readPrivate(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	// Windows has no such mode; there the user's profile is private.
	if perm := info.Mode().Perm(); runtime.GOOS != "windows" && perm&0o077 != 0 {
		return nil, fmt.Errorf("certs: %s has mode %04o: others may read or write it", file, perm)
	}
	if !info.Mode().IsRegular() || info.Size() > maxStored {
		return nil, fmt.Errorf("certs: %s is not a certificate or key that was stored here", file)
	}
	text := make([]byte, info.Size())
	n, err := f.ReadAt(text, 0)
	if err != nil {
		return nil, fmt.Errorf("certs: reading %s: %w", file, err)
	}
	return text[:n], nil
}

// save stores cert as the generation with that number, and reports false if
// there is one already, which another process has just made.
func (s store) save(number int, cert *tls.Certificate) (created bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("certs: storing the development certificate in %s: %w", s.dir, err)
		}
	}()
	key, ok := cert.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return false, fmt.Errorf("the key is a %T", cert.PrivateKey)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return false, err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return false, err
	}
	draft, err := os.MkdirTemp(s.dir, draftPrefix) // mode 0700
	if err != nil {
		return false, err
	}
	defer func() {
		// Gone already where it became the generation.
		if removeErr := os.RemoveAll(draft); err == nil && removeErr != nil {
			err = removeErr
		}
	}()
	if err := writePEM(filepath.Join(draft, keyName), "PRIVATE KEY", keyDER); err != nil {
		return false, err
	}
	if err := writePEM(filepath.Join(draft, certName), "CERTIFICATE", cert.Certificate[0]); err != nil {
		return false, err
	}
	// A directory never replaces one that is not empty, on no system.
	err = os.Rename(draft, s.path(number))
	if err == nil {
		return true, nil
	}
	// Not every system says that it exists with the error that means it.
	if _, statErr := os.Lstat(s.path(number)); statErr == nil {
		return false, nil
	}
	return false, err
}

func writePEM(file, kind string, der []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = pem.Encode(f, &pem.Block{Type: kind, Bytes: der})
	if err == nil {
		// The rename must not get to the disk before what it names.
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// removeExpired forgets a generation, unless somebody who emptied the
// directory has reused its number.
func (s store) removeExpired(number int, now time.Time) error {
	if leaf, err := s.leaf(number); err == nil && !now.After(leaf.NotAfter) {
		return nil
	}
	if err := os.RemoveAll(s.path(number)); err != nil {
		return fmt.Errorf("certs: removing an expired development certificate: %w", err)
	}
	return nil
}

// removeDrafts removes what crashes have left behind. How old that is, it
// takes from the generation that was just made: what others are at must not
// look old because our clock is ahead of the file system's.
func (s store) removeDrafts(made int) error {
	now, err := os.Stat(s.path(made))
	if err != nil {
		return fmt.Errorf("certs: looking for unfinished certificates: %w", err)
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("certs: looking for unfinished certificates: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), draftPrefix) {
			continue
		}
		if info, err := e.Info(); err != nil || now.ModTime().Sub(info.ModTime()) < draftAge {
			continue // gone, or somebody is at it
		}
		errs = append(errs, os.RemoveAll(filepath.Join(s.dir, e.Name())))
	}
	return errors.Join(errs...)
}

// StoredPins returns the pins of the development certificates that this user
// has stored in dir and that are valid now, the newest last: what a client may
// trust that dials its own machine. The empty dir is the directory that
// servers use that are not told another one. There being no such directory is
// no error, nor is a certificate in it that cannot be used: there are just
// fewer pins. An error means that dir exists and cannot be listed.
//
// The certificates change while programs run, so a client asks again each time
// that it dials.
func StoredPins(dir string) ([]Pin, error) {
	return storedPins(dir, time.Now())
}

func storedPins(dir string, now time.Time) ([]Pin, error) {
	if dir == "" {
		var err error
		if dir, err = defaultDir(); err != nil {
			// Without a place to store certificates there are none.
			return nil, nil
		}
	}
	s := store{dir}
	numbers, err := s.numbers()
	if err != nil {
		return nil, err
	}
	var pins []Pin
	for _, n := range numbers {
		leaf, err := s.leaf(n)
		if err != nil || checkDates(leaf, now) != nil {
			continue
		}
		pins = append(pins, PinOf(leaf))
	}
	return pins, nil
}
