package child

import (
	"context"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire/bench/load"
)

// journal is a server that only publishes, into memory.
type journal struct {
	numbers []uint64
	due     []time.Time
}

func (j *journal) Addr() string { return "" }
func (j *journal) Close() error { return nil }

func (j *journal) Publish(event []byte) error {
	j.numbers = append(j.numbers, binary.BigEndian.Uint64(event))
	j.due = append(j.due, time.Unix(0, int64(binary.BigEndian.Uint64(event[8:]))))
	return nil
}

// subscribers is the client's end of the pipe.
type subscribers struct{ w *io.PipeWriter }

func (s subscribers) have(t *testing.T, count uint64) {
	t.Helper()
	if _, err := s.w.Write(binary.BigEndian.AppendUint64(nil, count)); err != nil {
		t.Fatal(err)
	}
}

func testPublisher(t *testing.T, f func(*testing.T, *publisher, *journal, subscribers)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		p := newPublisher(r)
		f(t, p, new(journal), subscribers{w})
		p.close()
		_ = w.Close()
	})
}

func TestPublisherWindow(t *testing.T) {
	testPublisher(t, func(t *testing.T, p *publisher, j *journal, s subscribers) {
		if err := p.start(j, 0, 0); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(j.numbers) != load.Window {
			t.Fatalf("%d events before any has arrived, want %d", len(j.numbers), load.Window)
		}
		s.have(t, 3)
		synctest.Wait()
		if len(j.numbers) != load.Window+3 {
			t.Errorf("%d events after 3 have arrived, want %d", len(j.numbers), load.Window+3)
		}
		for i, n := range j.numbers {
			if n != uint64(i) {
				t.Fatalf("event %d has the number %d", i, n)
			}
		}
	})
}

func TestPublisherPace(t *testing.T) {
	testPublisher(t, func(t *testing.T, p *publisher, j *journal, s subscribers) {
		const interval = 20 * time.Millisecond
		begin := time.Now()
		if err := p.start(j, interval, 0); err != nil {
			t.Fatal(err)
		}
		// Nothing arrives for long enough that the publisher falls behind.
		time.Sleep((load.Window + 10) * interval)
		synctest.Wait()
		s.have(t, load.Window)
		synctest.Wait()
		if got, want := len(j.due), load.Window+11; got != want {
			t.Errorf("%d events after the publisher caught up, want %d", got, want)
		}
		for i, due := range j.due {
			if want := begin.Add(time.Duration(i) * interval); !due.Equal(want) {
				t.Fatalf("event %d was due at %v, want %v", i, due.Sub(begin), want.Sub(begin))
			}
		}
	})
}

func TestPublisherQuiet(t *testing.T) {
	testPublisher(t, func(t *testing.T, p *publisher, j *journal, s subscribers) {
		if err := p.start(j, 0, 0); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		err := p.quiet(context.Background())
		if err == nil || !strings.Contains(err.Error(), "the last 32 events") {
			t.Errorf("quiet without arrivals: %v, want how many events are missing", err)
		}
		s.have(t, load.Window)
		if err := p.quiet(context.Background()); err != nil {
			t.Errorf("quiet after all have arrived: %v", err)
		}
		if len(j.numbers) != load.Window {
			t.Errorf("%d events, want no more than %d after the first quiet", len(j.numbers), load.Window)
		}
		_ = s.w.Close()
		synctest.Wait()
		if err := p.quiet(context.Background()); err == nil {
			t.Error("quiet after the subscribers have gone: no error")
		}
	})
}
