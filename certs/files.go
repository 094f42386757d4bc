//go:build !js

package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// lookEvery is how often files are looked at, at most.
	lookEvery = time.Second
	// settleTime is how long after its last change a file may change once more
	// without its modification time showing it: clocks of file systems tick
	// every two seconds at worst.
	settleTime = 2 * time.Second
)

// FilesOptions are the options of [Files]; nil means the default of each.
type FilesOptions struct {
	// Now tells the time; nil means time.Now. It is for tests.
	Now func() time.Time
	// Log is told when the files were read again, and why they could not be;
	// nil means slog.Default().
	Log *slog.Logger
}

// FileSource is a [Source] that reads a certificate and its key from files.
// See [Files].
type FileSource struct {
	// immutable
	certFile, keyFile string
	now               func() time.Time
	log               *slog.Logger

	current atomic.Pointer[tls.Certificate]
	looked  atomic.Int64 // when, in Unix nanoseconds

	// guarded by mu
	mu       sync.Mutex
	seen     filePair
	settled  bool   // seen tells whether the files have changed
	reported string // the last problem that was logged
}

// filePair is what the file system says about the two files.
type filePair struct{ cert, key os.FileInfo }

// Files returns a source with the certificate in certFile, followed by the
// intermediate ones if there are any, and the key in keyFile, both in PEM. One
// file may hold both.
//
// The files are read again when they have changed, at the first handshake at
// least a second after the last look; no goroutine watches them. As long as
// what is in them cannot be used, the last certificate that could be is
// served, and Log is told once.
//
// The error says which file is wrong and why: it cannot be read, it holds
// something else, the key belongs to another certificate, or the certificate
// is not valid now (x509.CertificateInvalidError).
func Files(certFile, keyFile string, opts *FilesOptions) (*FileSource, error) {
	if opts == nil {
		opts = &FilesOptions{}
	}
	s := &FileSource{certFile: certFile, keyFile: keyFile, now: opts.Now, log: opts.Log}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	now := s.now()
	s.looked.Store(now.UnixNano())
	cert, err := s.loadLocked(now) // nobody else has s yet
	if err != nil {
		return nil, err
	}
	s.current.Store(cert)
	return s, nil
}

// GetCertificate implements [Source]. It never fails: there is always a
// certificate that could once be used.
func (s *FileSource) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now := s.now()
	last := s.looked.Load()
	// A clock that was set back must not stop the looking. Whoever wins the
	// exchange looks; handshakes at the same time do not wait for the disk.
	if d := now.UnixNano() - last; (d < 0 || d >= int64(lookEvery)) && s.looked.CompareAndSwap(last, now.UnixNano()) {
		s.look(now)
	}
	return s.current.Load(), nil
}

// look reads the files again if they have changed.
func (s *FileSource) look(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.current.Load()
	if s.settled && s.stat().same(s.seen) {
		if err := checkDates(old.Leaf, now); err != nil {
			s.reportLocked(fmt.Errorf("certs: certificate %s: %w", s.certFile, err))
		}
		return
	}
	cert, err := s.loadLocked(now)
	if err != nil {
		s.settled = false // what is wrong may be mended without a change to the files
		s.reportLocked(err)
		return
	}
	s.reported = ""
	if slices.EqualFunc(cert.Certificate, old.Certificate, bytes.Equal) {
		return
	}
	s.current.Store(cert)
	s.log.Info("read a new certificate", "file", s.certFile, "pin", PinOf(cert.Leaf).String(), "until", cert.Leaf.NotAfter)
}

// reportLocked logs a problem unless it is the one that was logged last.
func (s *FileSource) reportLocked(err error) {
	if text := err.Error(); text != s.reported {
		s.reported = text
		s.log.Error("the certificate is out of date; serving the last good one", "err", err)
	}
}

// stat returns what the file system says now; nil for what is not there.
func (s *FileSource) stat() filePair {
	var p filePair
	p.cert, _ = os.Stat(s.certFile)
	p.key, _ = os.Stat(s.keyFile)
	return p
}

// same reports whether neither file has changed from one look to the other.
func (p filePair) same(q filePair) bool {
	same := func(a, b os.FileInfo) bool {
		return a != nil && b != nil && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && os.SameFile(a, b)
	}
	return same(p.cert, q.cert) && same(p.key, q.key)
}

// quiet reports whether both files have been left alone for a while, so that
// another change will show in their times.
func (p filePair) quiet(now time.Time) bool {
	return p.cert != nil && p.key != nil &&
		now.Sub(p.cert.ModTime()) > settleTime && now.Sub(p.key.ModTime()) > settleTime
}

// loadLocked reads the files, and remembers what they looked like just
// before: what changes meanwhile shows at the next look.
func (s *FileSource) loadLocked(now time.Time) (*tls.Certificate, error) {
	s.seen = s.stat()
	s.settled = s.seen.quiet(now)
	cert, err := loadPair(s.certFile, s.keyFile)
	if err != nil {
		return nil, err
	}
	if err := checkDates(cert.Leaf, now); err != nil {
		return nil, fmt.Errorf("certs: certificate %s: %w", s.certFile, err)
	}
	return cert, nil
}

// loadPair is tls.LoadX509KeyPair with errors that say which file is meant.
func loadPair(certFile, keyFile string) (*tls.Certificate, error) {
	certPEM, err := os.ReadFile(certFile)
	if err != nil {
		return nil, fmt.Errorf("certs: reading the certificate: %w", err)
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("certs: reading the key: %w", err)
	}
	der, err := find(certPEM, "certificate", func(kind string) bool { return kind == "CERTIFICATE" })
	if err != nil {
		return nil, fmt.Errorf("certs: certificate %s: %w", certFile, err)
	}
	if _, err := x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("certs: certificate %s: %w", certFile, err)
	}
	if _, err := find(keyPEM, "private key", isKey); err != nil {
		return nil, fmt.Errorf("certs: key %s: %w", keyFile, err)
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		// The certificate is sound: it is the key, or that they do not belong
		// together.
		return nil, fmt.Errorf("certs: key %s for certificate %s: %w", keyFile, certFile, err)
	}
	return &cert, nil
}

// isKey reports whether a PEM block of that kind is a key that can be used
// without a password.
func isKey(kind string) bool {
	return kind == "PRIVATE KEY" || kind != "ENCRYPTED PRIVATE KEY" && strings.HasSuffix(kind, " PRIVATE KEY")
}

// find returns the first PEM block of the kind wanted; the error says what is
// there instead.
func find(text []byte, what string, wanted func(kind string) bool) ([]byte, error) {
	var others []string
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if wanted(block.Type) {
			return block.Bytes, nil
		}
		others = append(others, block.Type)
	}
	if others == nil {
		return nil, fmt.Errorf("there is nothing in PEM in it, a %s was expected", what)
	}
	return nil, fmt.Errorf("there is no %s in it that can be used, only %.200q", what, others)
}
