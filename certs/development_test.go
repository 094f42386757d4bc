package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const day = 24 * time.Hour

// childDir makes the test binary play a program that starts: see
// TestDevelopmentProcessesAtOnce.
const childDir = "CERTS_TEST_CHILD_DIR"

func child(dir string) int {
	// Begin when told to, together with the others.
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	d, err := NewDevelopment(&DevelopmentOptions{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Print(d.Pin())
	return 0
}

func development(t testing.TB, opts DevelopmentOptions) *Development {
	t.Helper()
	if opts.Log == nil {
		opts.Log = new(journal).log()
	}
	d, err := NewDevelopment(&opts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDevelopmentCertificate(t *testing.T) {
	d := development(t, DevelopmentOptions{Memory: true})
	leaf := presented(t, d, d.Pin())

	key, ok := leaf.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		t.Errorf("the key is a %T, browsers want ECDSA P-256", leaf.PublicKey)
	}
	if got := leaf.NotAfter.Sub(leaf.NotBefore); got != 10*day {
		t.Errorf("valid for %v, want 10 days", got)
	}
	if leaf.IsCA {
		t.Error("the certificate is an authority")
	}
	if !leaf.NotBefore.Before(time.Now().Add(-30 * time.Minute)) {
		t.Errorf("a client whose clock is late by half an hour refuses it")
	}
	names := []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil && isHostName(strings.ToLower(host)) {
		names = append(names, host)
	}
	for _, name := range names {
		if err := leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if got := d.CertificatePins(); len(got) != 1 || got[0] != CertificatePinOf(leaf) {
		t.Errorf("CertificatePins are %v", got)
	}
	for _, want := range []string{d.Pin().String(), "localhost", "::1", leaf.NotAfter.UTC().Format("2006-01-02")} {
		if !strings.Contains(d.String(), want) {
			t.Errorf("description %q does not say %s", d, want)
		}
	}
	// A browser without the pin, or curl --cacert, checks the name.
	cfg := ClientTLS()
	cfg.ServerName, cfg.RootCAs = "localhost", x509.NewCertPool()
	cfg.RootCAs.AddCert(leaf)
	if _, err, _ := handshake(ServerTLS(d), cfg); err != nil {
		t.Errorf("a client that has it among its roots: %v", err)
	}
}

func TestLocalNames(t *testing.T) {
	tests := []struct {
		hostname string
		err      error
		names    []string
		ips      int
	}{
		{"desk", nil, []string{"localhost", "desk"}, 2},
		{"Desk.Local.", nil, []string{"localhost", "desk.local"}, 2},
		{"WIN_7", nil, []string{"localhost", "win_7"}, 2},
		{"localhost", nil, []string{"localhost"}, 2},
		{"192.0.2.7", nil, []string{"localhost"}, 3},
		{"", errors.New("nobody knows"), []string{"localhost"}, 2},
		{"", nil, []string{"localhost"}, 2},
		{"Jörgs Mac", nil, []string{"localhost"}, 2},
		{"a..b", nil, []string{"localhost"}, 2},
		{"-a", nil, []string{"localhost"}, 2},
		{strings.Repeat("a.", 127) + "a", nil, []string{"localhost"}, 2},
		{strings.Repeat("a", 64), nil, []string{"localhost"}, 2},
	}
	for _, tt := range tests {
		names, ips := localNames(func() (string, error) { return tt.hostname, tt.err })
		if !slices.Equal(names, tt.names) || len(ips) != tt.ips {
			t.Errorf("host name %q: %q %v, want %q and %d addresses", tt.hostname, names, ips, tt.names, tt.ips)
		}
		if !slices.ContainsFunc(ips, net.IP.IsLoopback) {
			t.Errorf("host name %q: no loopback address", tt.hostname)
		}
	}
}

// The whole life of a certificate, in memory and stored.
func TestDevelopmentRotation(t *testing.T) {
	steps := []struct {
		after  time.Duration // since the step before
		serves int           // index of the certificate, in the order of their making
		pins   []int
	}{
		{0, 0, []int{0}},
		{6 * day, 0, []int{0}},
		{day, 0, []int{0, 1}}, // 3 days (less an hour) are left: the next one is made
		{2*day - 2*time.Hour, 0, []int{0, 1}},
		{2 * time.Hour, 1, []int{1, 0}},     // the last day: it takes over
		{day - 2*time.Hour, 1, []int{1, 0}}, // the old one is still good
		{2 * time.Hour, 1, []int{1}},        // and now no more
		{4 * day, 1, []int{1, 2}},           // day 14
		{2 * day, 2, []int{2, 1}},           // day 16
		{30 * day, 3, []int{3}},             // nobody came for a month
	}
	for _, name := range []string{"memory", "stored"} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			opts := DevelopmentOptions{Memory: name == "memory", Dir: t.TempDir(), Now: c.Now}
			d := development(t, opts)
			var made []Pin // by index
			for i, step := range steps {
				c.Advance(step.after)
				got := d.Pins()
				for _, p := range got {
					if !slices.Contains(made, p) {
						made = append(made, p)
					}
				}
				var want []Pin
				for _, n := range step.pins {
					if n >= len(made) {
						t.Fatalf("step %d: pins %v, certificate %d is missing", i, got, n)
					}
					want = append(want, made[n])
				}
				if !slices.Equal(got, want) {
					t.Fatalf("step %d: pins are not those of certificates %v", i, step.pins)
				}
				cert, err := d.GetCertificate(nil)
				if err != nil || PinOf(cert.Leaf) != made[step.serves] || d.Pin() != made[step.serves] {
					t.Fatalf("step %d: %v; does not serve certificate %d", i, err, step.serves)
				}
				if len(d.CertificatePins()) != len(want) || d.CertificatePins()[0] != CertificatePinOf(cert.Leaf) {
					t.Fatalf("step %d: CertificatePins are %v", i, d.CertificatePins())
				}
				if opts.Memory {
					continue
				}
				// Another program that starts now agrees, and so do clients.
				if other := development(t, opts); !slices.Equal(other.Pins(), want) {
					t.Fatalf("step %d: another program has other pins", i)
				}
				stored, err := storedPins(opts.Dir, c.Now())
				slices.SortFunc(stored, func(a, b Pin) int { return strings.Compare(a.String(), b.String()) })
				slices.SortFunc(want, func(a, b Pin) int { return strings.Compare(a.String(), b.String()) })
				if err != nil || !slices.Equal(stored, want) {
					t.Fatalf("step %d: stored pins %v, %v; want %v", i, stored, err, want)
				}
			}
		})
	}
}

// Clients that asked for the pins at some time within the last two days are
// never refused, for a month of rotation.
func TestDevelopmentRotationUnderLiveClients(t *testing.T) {
	for _, memory := range []bool{true, false} {
		t.Run(fmt.Sprintf("memory %v", memory), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				d := development(t, DevelopmentOptions{Memory: memory, Dir: dir})
				server := ServerTLS(d)
				var clients sync.WaitGroup
				for n := range 3 {
					clients.Go(func() {
						dice := rand.New(rand.NewPCG(uint64(n), 1))
						for start := time.Now(); time.Since(start) < 30*day; {
							// Learn the pins, then connect for a while.
							client, learned := ClientTLS(d.Pins()...), time.Now()
							for time.Since(learned) < 46*time.Hour {
								if _, err, _ := handshake(server, client); err != nil {
									t.Errorf("client %d, %v after the start, %v after it learned the pins: %v",
										n, time.Since(start), time.Since(learned), err)
									return
								}
								time.Sleep(time.Duration(dice.Int64N(int64(9 * time.Hour))))
							}
						}
					})
				}
				clients.Wait()
			})
		})
	}
}

func TestDevelopmentIsReused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "does", "not", "exist")
	first := development(t, DevelopmentOptions{Dir: dir})
	second := development(t, DevelopmentOptions{Dir: dir})
	if first.Pin() != second.Pin() {
		t.Error("a second program has a certificate of its own")
	}
	presented(t, second, first.Pin())
	if other := development(t, DevelopmentOptions{Memory: true, Dir: dir}); other.Pin() == first.Pin() {
		t.Error("a certificate in memory is the stored one")
	}
}

func TestDevelopmentGoroutinesAtOnce(t *testing.T) {
	dir := t.TempDir()
	c := newClock()
	var servers [8]*Development
	var start sync.WaitGroup
	for i := range servers {
		start.Go(func() { servers[i] = development(t, DevelopmentOptions{Dir: dir, Now: c.Now}) })
	}
	start.Wait()
	agree := func(when string) {
		t.Helper()
		for _, s := range servers {
			if !slices.Equal(s.Pins(), servers[0].Pins()) {
				t.Errorf("%s: pins %v and %v", when, s.Pins(), servers[0].Pins())
			}
		}
	}
	agree("at the start")

	// And again when all of them need the next one.
	c.Advance(8 * day)
	for _, s := range servers {
		start.Go(func() { _, _ = s.GetCertificate(nil) })
	}
	start.Wait()
	agree("after 8 days")
	if n := len(servers[0].Pins()); n != 2 {
		t.Errorf("%d certificates after 8 days, want 2", n)
	}
	drafts, err := filepath.Glob(filepath.Join(dir, draftPrefix+"*"))
	if err != nil || len(drafts) != 0 {
		t.Errorf("drafts are left: %v, %v", drafts, err)
	}
}

func TestDevelopmentProcessesAtOnce(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	type process struct {
		cmd      *exec.Cmd
		out, err strings.Builder
	}
	var processes [5]process
	gun, trigger, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer gun.Close()
	for i := range processes {
		p := &processes[i]
		p.cmd = exec.Command(exe)
		p.cmd.Env = append(os.Environ(), childDir+"="+dir)
		p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = gun, &p.out, &p.err
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := trigger.Write(make([]byte, len(processes))); err != nil {
		t.Fatal(err)
	}
	trigger.Close()
	for i := range processes {
		p := &processes[i]
		if err := p.cmd.Wait(); err != nil {
			t.Fatalf("process %d: %v: %s", i, err, &p.err)
		}
		if p.out.String() != processes[0].out.String() {
			t.Errorf("process %d has the pin %s, process 0 %s", i, &p.out, &processes[0].out)
		}
	}
	if pins, err := StoredPins(dir); err != nil || len(pins) != 1 || pins[0].String() != processes[0].out.String() {
		t.Errorf("stored pins are %v, %v", pins, err)
	}
}

// A disk that is full is no reason to stop serving while what there is is
// good.
func TestDevelopmentCannotStore(t *testing.T) {
	c := newClock()
	var j journal
	dir := filepath.Join(t.TempDir(), "dir")
	opts := DevelopmentOptions{Dir: dir, Now: c.Now, Log: j.log()}
	d := development(t, opts)
	first := d.Pin()

	// Nothing can be stored or listed in a directory that is a file.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	write(t, dir, []byte("not a directory"))
	if _, err := NewDevelopment(&opts); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v does not name %s", err, dir)
	}
	c.Advance(8 * day)
	j.take()
	presentedBy(t, d, first)
	if got := j.take(); !strings.Contains(got, "no new development certificate") {
		t.Errorf("logged %q", got)
	}
	c.Advance(retryAfter / 2)
	presentedBy(t, d, first)
	if got := j.take(); got != "" {
		t.Errorf("tried again at once, and logged %q", got)
	}
	c.Advance(retryAfter)
	presentedBy(t, d, first)
	if got := j.take(); got == "" {
		t.Error("did not try again")
	}

	// At the end there is nothing left to serve, and the error says so; the
	// last pin can still be shown.
	c.Advance(2 * day)
	if _, err := d.GetCertificate(nil); err == nil {
		t.Error("serves an expired certificate")
	}
	if d.Pin() != first || d.String() == "" {
		t.Error("has forgotten its pin")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := d.GetCertificate(nil); err != nil {
		t.Errorf("the disk is back: %v", err)
	}
	if d.Pin() == first {
		t.Error("the certificate is the old one")
	}
	if got := j.take(); !strings.Contains(got, d.Pin().String()) || !strings.Contains(got, "has changed") {
		t.Errorf("logged %q", got)
	}
}

func presentedBy(t *testing.T, d *Development, want Pin) {
	t.Helper()
	cert, err := d.GetCertificate(nil)
	if err != nil || PinOf(cert.Leaf) != want {
		t.Fatalf("GetCertificate: %v, want the certificate %v", err, want)
	}
}

func TestDevelopmentClockSetBack(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	d := development(t, DevelopmentOptions{Dir: dir, Now: c.Now})
	c.Advance(-5 * day)
	cert, err := d.GetCertificate(nil)
	if err != nil || checkDates(cert.Leaf, c.Now()) != nil {
		t.Fatalf("GetCertificate: %v, want a certificate that is valid now", err)
	}
	c.Advance(5 * day)
	if cert, err := d.GetCertificate(nil); err != nil || checkDates(cert.Leaf, c.Now()) != nil {
		t.Fatalf("GetCertificate: %v, want a certificate that is valid now", err)
	}
}
