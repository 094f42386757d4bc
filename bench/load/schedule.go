package load

import (
	"sync"
	"time"
)

// leastTick is the least time between two moments at which calls are due. More
// calls a second are several at each of them: waking up more often would be what
// is measured.
const leastTick = 100 * time.Microsecond

// A schedule says when calls are due, at a fixed rate.
type schedule struct {
	begin   time.Time
	perTick int
	rate    int
}

func newSchedule(begin time.Time, rate int) schedule {
	ticks := int(time.Second / leastTick)
	return schedule{begin: begin, perTick: (rate + ticks - 1) / ticks, rate: rate}
}

// due returns when the calls of a tick are due.
func (s schedule) due(tick int) time.Time {
	calls := float64(tick) * float64(s.perTick)
	return s.begin.Add(time.Duration(calls / float64(s.rate) * float64(time.Second)))
}

// A clock wakes a goroutine up in time: the runtime's timers may be a
// millisecond late in a program that is otherwise idle.
type clock interface {
	// sleep returns after so much time, or early if wake is called.
	sleep(d time.Duration) error
	// wake ends a sleep, now and later, with an error or without.
	wake()
	close()
}

// sleeper is the clock of the runtime's timers.
type sleeper struct{ woken chan struct{} }

func newSleeper() *sleeper { return &sleeper{make(chan struct{})} }

func (s *sleeper) sleep(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.woken:
	}
	return nil
}

func (s *sleeper) wake()  { close(s.woken) }
func (s *sleeper) close() {}

// startSchedule starts a goroutine of done that gives out when what has a rate
// is due, ahead of those that take it by so many at most. It ends with stop,
// which may be called again; what fails before goes to fail. A nil clock is a
// precise one.
func startSchedule(done *sync.WaitGroup, c clock, rate, ahead int, fail func(error)) (dues <-chan time.Time, stop func(), err error) {
	if c == nil {
		if c, err = newClock(); err != nil {
			return nil, nil, err
		}
	}
	given, ended := make(chan time.Time, ahead), make(chan struct{})
	done.Go(func() {
		if err := newSchedule(time.Now(), rate).run(c, given, ended); err != nil {
			fail(err)
		}
	})
	return given, sync.OnceFunc(func() {
		close(ended)
		c.wake()
	}), nil
}

// run gives out when calls are due, at that time, until stop is closed. It
// closes dues then. Calls that nobody takes in time are given out late.
func (s schedule) run(c clock, dues chan<- time.Time, stop <-chan struct{}) error {
	defer close(dues)
	defer c.close()
	for tick := 0; ; tick++ {
		due := s.due(tick)
		if early := time.Until(due); early > 0 {
			if err := c.sleep(early); err != nil {
				return err
			}
		}
		select {
		case <-stop: // which has ended the sleep: nothing is due
			return nil
		default:
		}
		for range s.perTick {
			select {
			case dues <- due:
			case <-stop:
				return nil
			}
		}
	}
}
