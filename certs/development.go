//go:build !js

package certs

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// How the generations of a development certificate overlap. With a lifetime of
// ten days, the next certificate is made on day 7 and served from day 9, and
// the last one is good until day 10. Whoever asks for the pins during the two
// days in between knows both when the new one takes over.
const (
	// renewBefore is how much life the newest certificate has left when the
	// next one is made.
	renewBefore = 3 * 24 * time.Hour
	// serveUntil is how much life a certificate has left when the next one is
	// served in its place.
	serveUntil = 24 * time.Hour
	// retryAfter is the pause after an attempt to make the next one that
	// failed. There is time: two days.
	retryAfter = time.Minute
)

// DevelopmentOptions are the options of [NewDevelopment]. The zero value and
// nil mean the certificate that all programs of this user share.
type DevelopmentOptions struct {
	// Dir is the directory that the certificate and its key are stored in. It
	// is created, for this user only, if it does not exist. Empty means the
	// directory twinwire in os.UserConfigDir.
	Dir string
	// Memory makes a certificate that is stored nowhere and ends with the
	// process. Dir is not used.
	Memory bool
	// Now tells the time; nil means time.Now. It is for tests.
	Now func() time.Time
	// Log is told of new certificates and of files that cannot be used; nil
	// means slog.Default().
	Log *slog.Logger
}

// Development is the [Source] of a server that is not public: a self-signed
// certificate for this machine, which clients accept by its pin and browsers by
// its hash. See [NewDevelopment].
type Development struct {
	// immutable
	store *store // nil: in memory
	now   func() time.Time
	log   *slog.Logger

	current atomic.Pointer[outlook]

	// guarded by mu
	mu          sync.Mutex
	generations []generation // as last seen, by expiry
}

// An outlook is what to serve during some time. It does not change.
type outlook struct {
	serving     generation
	pins        []Pin // the serving one's first
	hashes      []Pin
	since, till time.Time // without monotonic reading: laptops sleep
}

// NewDevelopment returns a source with a development certificate: ECDSA P-256,
// valid for ten days, for localhost, 127.0.0.1, ::1 and the name of this
// machine. It takes the one that this user has stored, if it is good for
// another day, and makes and stores one otherwise. Programs that start at the
// same time end up with the same one.
//
// While the server runs, the certificate is replaced before it expires: the
// next one is made three days before and served during the last day, and
// [Development.Pins] has both meanwhile, as has [StoredPins].
//
// The error says which file or directory could not be read or written.
func NewDevelopment(opts *DevelopmentOptions) (*Development, error) {
	if opts == nil {
		opts = &DevelopmentOptions{}
	}
	d := &Development{now: opts.Now, log: opts.Log}
	if d.now == nil {
		d.now = time.Now
	}
	if d.log == nil {
		d.log = slog.Default()
	}
	if !opts.Memory {
		d.store = &store{opts.Dir}
		if opts.Dir == "" {
			dir, err := defaultDir()
			if err != nil {
				return nil, err
			}
			d.store.dir = dir
		}
	}
	if _, err := d.outlook(); err != nil {
		return nil, err
	}
	return d, nil
}

// GetCertificate implements [Source]. It fails only if the last certificate
// has expired and no new one could be stored.
func (d *Development) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	o, err := d.outlook()
	if err != nil {
		return nil, err
	}
	return o.serving.cert, nil
}

// Pin returns the pin of the key that the server presents now.
func (d *Development) Pin() Pin { return d.lookup().pins[0] }

// Pins returns the pins of all the certificates that the server may present
// before they expire, the one that it presents now first. A client that is
// told all of them now is not surprised by the next one.
func (d *Development) Pins() []Pin { return slices.Clone(d.lookup().pins) }

// CertificatePins is [Development.Pins] for browsers: the hashes of the
// certificates rather than of their keys. The sum of each is an entry of
// serverCertificateHashes.
func (d *Development) CertificatePins() []Pin { return slices.Clone(d.lookup().hashes) }

// String describes the certificate that the server presents now: for whom it
// is, its pin, and until when it is valid.
func (d *Development) String() string {
	leaf := d.lookup().serving.cert.Leaf
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return fmt.Sprintf("development certificate %v for %s, valid until %s",
		PinOf(leaf), strings.Join(names, ", "), stamp(leaf.NotAfter))
}

// lookup is outlook for those who want to know and not to serve: if there is
// nothing valid to be had, the last certificate is still what can be said.
func (d *Development) lookup() *outlook {
	o, err := d.outlook()
	if err != nil {
		return d.current.Load() // not nil: NewDevelopment has seen to that
	}
	return o
}

// outlook returns what to serve now.
func (d *Development) outlook() (*outlook, error) {
	now := d.now().Round(0)
	if o := d.current.Load(); o.covers(now) {
		return o, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if o := d.current.Load(); o.covers(now) {
		return o, nil // made while we waited
	}
	err := d.renewLocked(now)
	if err != nil && len(d.generations) > 0 {
		// What we have is still valid.
		d.log.Warn("no new development certificate; using the old one", "err", err,
			"until", d.generations[len(d.generations)-1].cert.Leaf.NotAfter)
	} else if err != nil {
		return nil, err
	}
	o := plan(d.generations, now)
	if last := d.current.Load(); last != nil && last.pins[0] != o.pins[0] {
		d.log.Info("the development certificate has changed", "pin", o.pins[0].String(), "was", last.pins[0].String())
	}
	d.current.Store(o)
	return o, nil
}

func (o *outlook) covers(now time.Time) bool {
	return o != nil && !now.Before(o.since) && now.Before(o.till)
}

// renewLocked brings generations up to date: those that are valid, and among
// them one that is good for a while. On an error, the latter is missing.
func (d *Development) renewLocked(now time.Time) error {
	d.generations = slices.DeleteFunc(d.generations, func(g generation) bool {
		return checkDates(g.cert.Leaf, now) != nil
	})
	if d.store == nil {
		if fresh(d.generations, now) {
			return nil
		}
		cert, err := generate(now)
		if err != nil {
			return err
		}
		d.generations = append(d.generations, generation{cert: cert})
		return nil
	}
	// Each turn either succeeds or finds that another process has just stored
	// a generation; that one will do unless it was made by a program with
	// other ideas, hence the bound.
	for range 10 {
		highest, expired, err := d.loadLocked(now)
		if err != nil || fresh(d.generations, now) {
			return err
		}
		cert, err := generate(now)
		if err != nil {
			return err
		}
		number := highest + 1
		created, err := d.store.save(number, cert)
		if err != nil {
			return err
		}
		if !created {
			continue
		}
		d.log.Info("made a development certificate", "pin", PinOf(cert.Leaf).String(),
			"until", cert.Leaf.NotAfter, "dir", d.store.path(number))
		d.generations = append(d.generations, generation{number, cert})
		d.clean(number, expired, now)
		return nil
	}
	return fmt.Errorf("certs: other programs keep storing development certificates in %s that cannot be used", d.store.dir)
}

// loadLocked reads the valid generations from the store. It returns the
// highest number that is taken and the numbers of those that have expired.
func (d *Development) loadLocked(now time.Time) (highest int, expired []int, err error) {
	numbers, err := d.store.numbers()
	if err != nil {
		return 0, nil, err
	}
	var valid []generation
	for _, n := range numbers {
		highest = n
		g, err := d.readLocked(n)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			// Another process is removing it.
		case err != nil:
			d.log.Warn("a stored development certificate cannot be used", "err", err)
		case now.After(g.cert.Leaf.NotAfter):
			expired = append(expired, n)
		case checkDates(g.cert.Leaf, now) == nil:
			valid = append(valid, g)
		}
	}
	slices.SortStableFunc(valid, func(a, b generation) int {
		return cmp.Or(a.cert.Leaf.NotAfter.Compare(b.cert.Leaf.NotAfter), cmp.Compare(a.number, b.number))
	})
	d.generations = valid
	return highest, expired, nil
}

// readLocked returns a generation of the store. One that is known is not read
// again: it does not change, and a server that is out of file descriptors can
// go on with it.
func (d *Development) readLocked(number int) (generation, error) {
	for _, g := range d.generations {
		if g.number == number {
			return g, nil
		}
	}
	return d.store.read(number)
}

// clean tidies the store. It runs after a new generation was made, never
// before, so that numbers only grow. What it cannot remove does no harm.
func (d *Development) clean(made int, expired []int, now time.Time) {
	errs := []error{d.store.removeDrafts(made)}
	for _, n := range expired {
		errs = append(errs, d.store.removeExpired(n, now))
	}
	if err := errors.Join(errs...); err != nil {
		d.log.Warn("old development certificates are left over", "err", err)
	}
}

// fresh reports whether the last of the generations is good for a while.
func fresh(generations []generation, now time.Time) bool {
	return len(generations) > 0 && remaining(generations[len(generations)-1], now) >= renewBefore
}

func remaining(g generation, now time.Time) time.Duration { return g.cert.Leaf.NotAfter.Sub(now) }

// plan decides which of the valid generations, ordered by expiry and at least
// one, to serve, and when to think again. All processes that see the same
// generations decide the same.
func plan(generations []generation, now time.Time) *outlook {
	serving := generations[len(generations)-1]
	for _, g := range generations {
		// The oldest one that is good for another day: its pin has been known
		// the longest.
		if remaining(g, now) > serveUntil {
			serving = g
			break
		}
	}
	o := &outlook{
		serving: serving,
		pins:    []Pin{PinOf(serving.cert.Leaf)},
		hashes:  []Pin{CertificatePinOf(serving.cert.Leaf)},
		since:   now,
	}
	for _, g := range generations {
		if g.cert != serving.cert {
			o.pins = append(o.pins, PinOf(g.cert.Leaf))
			o.hashes = append(o.hashes, CertificatePinOf(g.cert.Leaf))
		}
	}
	newest := generations[len(generations)-1]
	o.till = newest.cert.Leaf.NotAfter.Add(-renewBefore)
	if !o.till.After(now) {
		// The next one should be there and is not.
		o.till = now.Add(retryAfter)
	}
	for _, at := range []time.Time{
		serving.cert.Leaf.NotAfter.Add(-serveUntil),
		generations[0].cert.Leaf.NotAfter.Add(1), // valid to the end of that moment
	} {
		if at.After(now) && at.Before(o.till) {
			o.till = at
		}
	}
	return o
}
