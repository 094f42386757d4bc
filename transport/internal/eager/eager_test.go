package eager

import (
	"net"
	"os"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))) // with one nobody looks
	os.Exit(m.Run())
}

// wait waits for something to read that is there after d, and reports whether
// the reader looked for it.
func wait(r *Reader, d time.Duration) (looked bool) {
	began := time.Now()
	for r.Again() {
		looked = true
		if time.Since(began) >= d {
			r.Arrived(1)
			return true
		}
		time.Sleep(time.Microsecond)
	}
	time.Sleep(d - time.Since(began))
	r.Arrived(1)
	return looked
}

// trusting returns a reader that looks at the next wait.
func trusting(t *testing.T) *Reader {
	t.Helper()
	r := new(Reader)
	r.Near(1)
	for i := range trusted {
		if wait(r, shortWait) {
			t.Fatalf("it looked in wait %d", i+1)
		}
	}
	return r
}

func TestReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := trusting(t)
		looks := 0
		for range 200 {
			if wait(r, worth) {
				looks++
			}
		}
		if want := 200 - 200*int(worth)/int(awake) - 1; looks < want || looks == 200 {
			t.Errorf("it looked in %d of 200 waits, want all but those in which it sleeps", looks)
		}
	})
}

// Who looks for longer than that is worth rests for a while.
func TestRest(t *testing.T) {
	for name, waits := range map[string][]time.Duration{
		"found":   {worth + 20*time.Microsecond},
		"in vain": append(slices.Repeat([]time.Duration{50 * time.Microsecond}, trusted), shortWait+50*time.Microsecond),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := trusting(t)
				looks, inARow, most := 0, 0, 0
				for i := range 2000 {
					inARow++
					if wait(r, waits[i%len(waits)]) {
						looks++
						inARow = 0
					}
					most = max(most, inARow)
				}
				if looks < lately || most < rest {
					t.Errorf("it looked %d times, with a pause of %d waits, want %d", looks, most, rest)
				}
			})
		})
	}
}

func TestLongWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := trusting(t)
		if !wait(r, time.Second) {
			t.Error("it did not look, before it could know")
		}
		for i := range 100 {
			d := shortWait
			if i%trusted == 0 {
				d += time.Microsecond
			}
			if wait(r, d) {
				t.Fatalf("it looked in wait %d after a long one", i+1)
			}
		}
	})
}

// Where much arrives nobody looks, until little has arrived for a while.
func TestBulk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := trusting(t)
		if !wait(r, time.Microsecond) {
			t.Error("it did not look, before it could know")
		}
		r.Arrived(bulk) // without a wait
		for i := range 5 * trusted {
			if r.Again() {
				t.Fatalf("it looked in wait %d", i+1)
			}
			time.Sleep(time.Microsecond)
			n := bulk - 1
			if i%trusted == trusted-1 {
				n++
			}
			r.Arrived(n)
		}
		for range trusted {
			wait(r, time.Microsecond)
		}
		if !wait(r, time.Microsecond) {
			t.Error("it does not look afterwards")
		}
	})
}

// However much arrives, where it is answered both ends look.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := trusting(t)
		for i := range 5 * trusted {
			r.Turns(true)
			if !r.Again() {
				t.Fatalf("it did not look in wait %d", i+1)
			}
			r.Arrived(bulk)
		}
		r.Turns(false)
		r.Arrived(bulk)
		if r.Again() {
			t.Error("it looks where nothing is answered any more")
		}
	})
}

// Of the readers of a program one looks at a time.
func TestOneLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := trusting(t), trusting(t)
		wait(a, time.Microsecond) // it sleeps once in a while
		if !a.Again() || b.Again() {
			t.Fatal("not exactly one of two looks")
		}
		a.Arrived(1)
		if b.Arrived(1); !b.Again() {
			t.Error("it does not look after the other")
		}
		b.Arrived(1)
	})
}

// Nobody looks for what comes over a network.
func TestFar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := trusting(t)
		r.Near(-1)
		for range 100 {
			if wait(r, time.Microsecond) {
				t.Fatal("it looked")
			}
		}
	})
}

func TestLocal(t *testing.T) {
	for _, c := range []struct {
		addr  net.Addr
		local bool
	}{
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, true},
		{&net.TCPAddr{IP: net.IPv6loopback}, true},
		{&net.UDPAddr{IP: net.IPv4(127, 1, 2, 3)}, true},
		{&net.UDPAddr{IP: net.IPv4(10, 0, 0, 1)}, false},
		{&net.TCPAddr{}, false},
		{&net.UnixAddr{Name: "x"}, false},
		{nil, false},
	} {
		if got := Local(c.addr); got != c.local {
			t.Errorf("Local(%v) = %v", c.addr, got)
		}
	}
}

// It looks for longer where the peer answers at once, and where many calls are
// answered together.
func TestEngaged(t *testing.T) {
	for name, test := range map[string]struct {
		took   time.Duration
		n      int // bytes that are answered; 0 for what is not
		pauses int // in 200 ms
	}{
		"quick":     {worth / 10, 0, int(200 * time.Millisecond / engaged)},
		"many":      {worth * 4 / 5, many, int(200 * time.Millisecond / engaged)},
		"few":       {worth * 4 / 5, many - 1, int(200 * time.Millisecond / awake)},
		"by itself": {worth * 4 / 5, 0, int(200 * time.Millisecond / awake)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := trusting(t)
				turn := func() (looked bool) {
					began := time.Now()
					for r.Turns(test.n > 0); time.Since(began) < test.took; time.Sleep(time.Microsecond) {
						if !r.Again() {
							time.Sleep(test.took - time.Since(began))
							break
						}
						looked = true
					}
					r.Arrived(test.n)
					return looked
				}
				for range 100 {
					turn()
				}
				pauses := 0
				for began := time.Now(); time.Since(began) < 200*time.Millisecond; {
					if !turn() {
						pauses++
					}
				}
				if pauses > test.pauses || pauses < test.pauses*9/10-1 {
					t.Errorf("it slept %d times in 200 ms, want %d", pauses, test.pauses)
				}
			})
		})
	}
}

// Where many calls are answered together it looks soon, and a long wait says
// little: the peer may have had no CPU.
func TestManyTrust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(Reader)
		r.Near(1)
		wait := func(d time.Duration) (looked bool) {
			r.Turns(true)
			if looked = r.Again(); looked {
				r.Arrived(many)
				return looked
			}
			time.Sleep(d)
			r.Arrived(many)
			return looked
		}
		soon := func() (waits int) {
			for !wait(shortWait) {
				waits++
			}
			return waits
		}
		if n := soon(); n != 3 {
			t.Errorf("it looks after %d short waits, want 3", n)
		}
		time.Sleep(engaged)
		if wait(2 * shortWait) {
			t.Fatal("it looked, and had not slept for long")
		}
		if n := soon(); n != 2 {
			t.Errorf("it looks after %d short waits after a long one, want 2", n)
		}
	})
}
