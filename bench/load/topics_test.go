package load

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
)

// What is published arrives in the order of each topic, when it is due.
func TestPublishing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const topics, rate = 5, 100
		got := NewTopics(topics)
		took := time.Duration(0)
		p, err := StartPublishing(func(topic int, event []byte) error {
			time.Sleep(took)
			got.Receive(event)
			return nil
		}, PublishOptions{Topics: topics, Rate: rate, clock: newSleeper()})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(990*time.Millisecond + time.Microsecond)
		synctest.Wait()
		received, lost := got.Received()
		if l := got.Latency(); received != rate || lost != 0 || l.Count != rate || l.Max > 0 {
			t.Errorf("%d received, %d lost, %+v; want %d at once", received, lost, l, rate)
		}
		if err := errors.Join(p.Stop(), got.Err()); err != nil {
			t.Error(err)
		}
		if p.Published() != rate {
			t.Errorf("%d published, want %d", p.Published(), rate)
		}
	})
}

// An event that has to wait is charged for it.
func TestPublishingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := NewTopics(1)
		p, err := StartPublishing(func(_ int, event []byte) error {
			time.Sleep(20 * time.Millisecond)
			got.Receive(event)
			return nil
		}, PublishOptions{Topics: 1, Rate: 100, clock: newSleeper()})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(200*time.Millisecond + time.Microsecond)
		synctest.Wait()
		// The tenth was due after 90 ms and arrived after 200.
		if l := got.Latency(); l.Count != 10 || l.Max.Round(time.Millisecond) != 110*time.Millisecond {
			t.Errorf("%+v, want 10 and 110 ms", l)
		}
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestPublishingFails(t *testing.T) {
	broken := errors.New("broken")
	p, err := StartPublishing(func(int, []byte) error { return broken }, PublishOptions{Topics: 1, Rate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	p.done.Wait() // it ends by itself
	if err := p.Stop(); !errors.Is(err, broken) || p.Published() != 0 {
		t.Errorf("%v, %d published, want %v and none", err, p.Published(), broken)
	}
}

// Gaps are counted topic by topic; what comes back, or is no event, is a
// failure.
func TestTopics(t *testing.T) {
	type event struct {
		topic  int
		number uint64
	}
	tests := []struct {
		name           string
		events         []event
		received, lost uint64
		fails          string
	}{
		{"in turn", []event{{0, 0}, {1, 0}, {0, 1}, {1, 1}}, 4, 0, ""},
		{"each by itself", []event{{1, 0}, {1, 1}, {0, 0}}, 3, 0, ""},
		{"gaps", []event{{0, 2}, {1, 0}, {0, 5}}, 3, 4, ""},
		{"twice", []event{{0, 0}, {0, 0}}, 1, 0, "event 0 of topic 0 after 0"},
		{"back", []event{{0, 3}, {0, 1}}, 1, 3, "event 1 of topic 0 after 3"},
		{"another topic", []event{{2, 0}}, 0, 0, "topic 2 of 2"},
	}
	for _, tt := range tests {
		got := NewTopics(2)
		for _, e := range tt.events {
			got.Receive(TopicEvent{e.topic, Event{e.number, time.Now()}}.Append(nil))
		}
		received, lost := got.Received()
		if received != tt.received || lost != tt.lost {
			t.Errorf("%s: %d received and %d lost, want %d and %d", tt.name, received, lost, tt.received, tt.lost)
		}
		if err := got.Err(); (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.fails)
		}
	}
	short := NewTopics(1)
	if short.Receive(make([]byte, PayloadSize-1)); short.Err() == nil {
		t.Error("a short event is none")
	}
}

// sizes is a sender that takes its time.
type sizes struct {
	takes time.Duration
	sent  []int
}

func (s *sizes) Send(payload []byte) error {
	time.Sleep(s.takes)
	s.sent = append(s.sent, len(payload))
	return nil
}

func (s *sizes) Close() error { return nil }

// Items that are due while the sender waits follow at once.
func TestPacedItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sizes{takes: 250 * time.Millisecond}
		i, err := StartItems(s, ItemOptions{Size: 1000, Rate: 5, clock: newSleeper()})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second + time.Microsecond)
		synctest.Wait()
		if i.Sent() != 4 {
			t.Errorf("%d sent in a second that take a quarter each", i.Sent())
		}
		if err := i.Stop(); err != nil {
			t.Error(err)
		}
		for _, size := range s.sent {
			if size != 1000 {
				t.Errorf("%d bytes, want 1,000", size)
			}
		}
	})
	for _, bad := range []ItemOptions{{Size: peer.ItemSize - 1}, {Rate: -1}} {
		if _, err := StartItems(new(sizes), bad); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}
