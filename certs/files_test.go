package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// pair is a certificate and its key in files.
type pair struct {
	certFile, keyFile string
	mtime             time.Time // of the last change, some time in the past
}

func newPair(t testing.TB, cert *tls.Certificate) *pair {
	t.Helper()
	dir := t.TempDir()
	p := &pair{
		certFile: filepath.Join(dir, "cert.pem"),
		keyFile:  filepath.Join(dir, "key.pem"),
		mtime:    time.Now().Add(-time.Hour).Truncate(time.Second),
	}
	certPEM, keyPEM := inPEM(t, cert)
	p.put(t, certPEM, keyPEM)
	return p
}

// put writes the files, with times that tell them from what was there and are
// old enough to be believed.
func (p *pair) put(t testing.TB, certPEM, keyPEM []byte) {
	t.Helper()
	p.mtime = p.mtime.Add(time.Second)
	for file, text := range map[string][]byte{p.certFile: certPEM, p.keyFile: keyPEM} {
		write(t, file, text)
		if err := os.Chtimes(file, p.mtime, p.mtime); err != nil {
			t.Fatal(err)
		}
	}
}

func (p *pair) putCert(t testing.TB, cert *tls.Certificate) {
	t.Helper()
	certPEM, keyPEM := inPEM(t, cert)
	p.put(t, certPEM, keyPEM)
}

func (p *pair) open(t testing.TB, opts FilesOptions) *FileSource {
	t.Helper()
	s, err := Files(p.certFile, p.keyFile, &opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func serves(t *testing.T, s *FileSource, want *tls.Certificate, when string) {
	t.Helper()
	got, err := s.GetCertificate(nil)
	if err != nil || !got.Leaf.Equal(want.Leaf) {
		t.Fatalf("%s: %v; serves %v, want %v", when, err, PinOf(got.Leaf), PinOf(want.Leaf))
	}
}

func TestFilesReload(t *testing.T) {
	first, second, third := issueNow(t), issueNow(t), issueNow(t)
	p, c := newPair(t, first), newClock()
	var j journal
	s := p.open(t, FilesOptions{Now: c.Now, Log: j.log()})
	presented(t, s, PinOf(first.Leaf))

	p.putCert(t, second)
	c.Advance(lookEvery - 1)
	serves(t, s, first, "less than a second after the last look")
	c.Advance(1)
	serves(t, s, second, "a second after the last look")
	presented(t, s, PinOf(second.Leaf))
	if got := j.take(); strings.Count(got, "\n") != 1 || !strings.Contains(got, PinOf(second.Leaf).String()) {
		t.Errorf("logged %q", got)
	}

	// Replaced by a rename, as careful tools do; the time may be an older one.
	certPEM, keyPEM := inPEM(t, third)
	for file, text := range map[string][]byte{p.certFile: certPEM, p.keyFile: keyPEM} {
		write(t, file+".new", text)
		if err := os.Chtimes(file+".new", p.mtime.Add(-time.Hour), p.mtime.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	c.Advance(lookEvery)
	serves(t, s, third, "after a rename")

	// A clock that is set back does not stop the looking.
	c.Advance(-time.Hour / 2)
	p.putCert(t, first)
	serves(t, s, first, "after the clock was set back")
}

// A chain that is mended behind the same certificate is read too.
func TestFilesReloadChain(t *testing.T) {
	leaf, wrong, right := issueNow(t), issueNow(t), issueNow(t)
	p, c := newPair(t, leaf), newClock()
	certPEM, keyPEM := inPEM(t, leaf)
	chain := func(behind *tls.Certificate) []byte {
		text, _ := inPEM(t, behind)
		return append(slices.Clone(certPEM), text...)
	}
	p.put(t, chain(wrong), keyPEM)
	s := p.open(t, FilesOptions{Now: c.Now, Log: new(journal).log()})
	p.put(t, chain(right), keyPEM)
	c.Advance(lookEvery)
	serves(t, s, leaf, "after a change of what is behind it")
	if got, err := s.GetCertificate(nil); err != nil || !bytes.Equal(got.Certificate[1], right.Certificate[0]) {
		t.Errorf("the chain that was replaced is served: %v", err)
	}
}

// What changes again within the resolution of the file system's clock is
// noticed too.
func TestFilesReloadSameTime(t *testing.T) {
	first, second := issueNow(t), issueNow(t)
	p, c := newPair(t, first), newClock()
	p.mtime = c.Now().Add(-time.Second) // put adds one: now
	p.putCert(t, first)
	s := p.open(t, FilesOptions{Now: c.Now, Log: new(journal).log()})
	p.mtime = c.Now().Add(-time.Second)
	p.putCert(t, second)
	c.Advance(lookEvery)
	serves(t, s, second, "after a change that does not show")
}

func TestFilesKeepsTheOldOne(t *testing.T) {
	good, other, later := issueNow(t), issueNow(t), issueNow(t)
	certPEM, keyPEM := inPEM(t, good)
	_, otherKey := inPEM(t, other)
	expiredPEM, expiredKey := inPEM(t, issue(t, time.Now().Add(-2*day), time.Now().Add(-day)))
	tests := map[string]func(t *testing.T, p *pair){
		"garbage":         func(t *testing.T, p *pair) { p.put(t, []byte("garbage"), keyPEM) },
		"cut short":       func(t *testing.T, p *pair) { p.put(t, certPEM[:len(certPEM)/2], keyPEM) },
		"other key":       func(t *testing.T, p *pair) { p.put(t, certPEM, otherKey) },
		"expired":         func(t *testing.T, p *pair) { p.put(t, expiredPEM, expiredKey) },
		"key is gone":     func(t *testing.T, p *pair) { remove(t, p.keyFile) },
		"both are gone":   func(t *testing.T, p *pair) { remove(t, p.keyFile); remove(t, p.certFile) },
		"files are empty": func(t *testing.T, p *pair) { p.put(t, nil, nil) },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			p, c := newPair(t, good), newClock()
			var j journal
			s := p.open(t, FilesOptions{Now: c.Now, Log: j.log()})
			spoil(t, p)
			for range 5 {
				c.Advance(lookEvery)
				serves(t, s, good, "with broken files")
			}
			if got := j.take(); strings.Count(got, "\n") != 1 || !strings.Contains(got, filepath.Dir(p.certFile)) {
				t.Errorf("logged %q, want one line with the name of a file", got)
			}
			p.putCert(t, later)
			c.Advance(lookEvery)
			serves(t, s, later, "with good files again")
			// The next trouble is news again.
			j.take()
			spoil(t, p)
			c.Advance(lookEvery)
			serves(t, s, later, "with broken files again")
			if got := j.take(); strings.Count(got, "\n") != 1 {
				t.Errorf("logged %q the second time, want one line", got)
			}
		})
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

// Nobody replaces the files, and the certificate runs out.
func TestFilesExpireWhileServed(t *testing.T) {
	cert := issueNow(t) // for a day
	p, c := newPair(t, cert), newClock()
	var j journal
	s := p.open(t, FilesOptions{Now: c.Now, Log: j.log()})
	c.Advance(23 * time.Hour)
	serves(t, s, cert, "before the end")
	if got := j.take(); got != "" {
		t.Errorf("logged %q", got)
	}
	for range 3 {
		c.Advance(2 * time.Hour)
		serves(t, s, cert, "after the end")
	}
	if got := j.take(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "ended at") {
		t.Errorf("logged %q, want once that it has expired", got)
	}
}

func TestFilesErrors(t *testing.T) {
	good, other := issueNow(t), issueNow(t)
	certPEM, keyPEM := inPEM(t, good)
	_, otherKey := inPEM(t, other)
	expired, expiredKey := inPEM(t, issue(t, time.Now().Add(-2*day), time.Now().Add(-day)))
	early, earlyKey := inPEM(t, issue(t, time.Now().Add(day), time.Now().Add(2*day)))
	block := func(kind string, der string) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte(der)})
	}
	tests := map[string]struct {
		cert, key []byte // nil: no such file
		file      string // that is to blame
		says      string
	}{
		"no certificate":    {nil, keyPEM, "cert.pem", "no such file"},
		"no key":            {certPEM, nil, "key.pem", "no such file"},
		"swapped":           {keyPEM, certPEM, "cert.pem", `only ["PRIVATE KEY"]`},
		"certificate twice": {certPEM, certPEM, "key.pem", `only ["CERTIFICATE"]`},
		"not PEM":           {[]byte("DER"), keyPEM, "cert.pem", "nothing in PEM"},
		"empty key":         {certPEM, []byte{}, "key.pem", "nothing in PEM"},
		"broken":            {block("CERTIFICATE", "x"), keyPEM, "cert.pem", "x509"},
		"broken key":        {certPEM, block("PRIVATE KEY", "x"), "key.pem", "private key"},
		"password":          {certPEM, block("ENCRYPTED PRIVATE KEY", "x"), "key.pem", "ENCRYPTED"},
		"other key":         {certPEM, otherKey, "key.pem", "does not match"},
		"expired":           {expired, expiredKey, "cert.pem", "ended at"},
		"early":             {early, earlyKey, "cert.pem", "begins at"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
			for file, text := range map[string][]byte{certFile: tt.cert, keyFile: tt.key} {
				if text != nil {
					write(t, file, text)
				}
			}
			s, err := Files(certFile, keyFile, nil)
			if err == nil || s != nil {
				t.Fatalf("%v, %v; want an error", s, err)
			}
			if !strings.Contains(err.Error(), filepath.Join(dir, tt.file)) {
				t.Errorf("error %q does not name %s", err, tt.file)
			}
			if tt.says == "no such file" {
				// Each system has words of its own for it.
				if !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("error %q is not fs.ErrNotExist", err)
				}
			} else if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %q does not say %q", err, tt.says)
			}
		})
	}
	t.Run("expired, by type", func(t *testing.T) {
		p := newPair(t, good)
		p.put(t, expired, expiredKey)
		_, err := Files(p.certFile, p.keyFile, nil)
		if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); !ok || invalid.Reason != x509.Expired {
			t.Errorf("error %v", err)
		}
	})
	t.Run("one file for both", func(t *testing.T) {
		file := write(t, filepath.Join(t.TempDir(), "both.pem"), append(keyPEM, certPEM...))
		s, err := Files(file, file, nil)
		if err != nil {
			t.Fatal(err)
		}
		presented(t, s, PinOf(good.Leaf))
	})
}

func TestFilesConcurrently(t *testing.T) {
	certs := []*tls.Certificate{issueNow(t), issueNow(t)}
	p, c := newPair(t, certs[0]), newClock()
	s := p.open(t, FilesOptions{Now: c.Now, Log: new(journal).log()})
	var clients sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if cert, err := s.GetCertificate(nil); err != nil || cert == nil {
					t.Errorf("%v, %v", cert, err)
					return
				}
				c.Advance(lookEvery / 10)
			}
		})
	}
	for i := range 20 {
		p.putCert(t, certs[i%2])
	}
	close(stop)
	clients.Wait()
	c.Advance(lookEvery)
	serves(t, s, certs[1], "at the end")
}
