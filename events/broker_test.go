package events_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
)

// A localBroker is a broker inside the process. It sends a publisher its own
// messages too, as most brokers do.
type localBroker struct {
	mu        sync.Mutex
	receivers map[string]map[int]func([]byte)
	next      int
	published int
	subjects  []string
	err       error
}

func (b *localBroker) Publish(_ context.Context, subject string, message []byte) error {
	b.mu.Lock()
	b.published++
	err := b.err
	var to []func([]byte)
	for _, receive := range b.receivers[subject] {
		to = append(to, receive)
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	for _, receive := range to {
		receive(bytes.Clone(message))
	}
	return nil
}

func (b *localBroker) Subscribe(subject string, receive func([]byte)) (func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subjects = append(b.subjects, subject)
	if b.err != nil {
		return nil, b.err
	}
	if b.receivers == nil {
		b.receivers = make(map[string]map[int]func([]byte))
	}
	if b.receivers[subject] == nil {
		b.receivers[subject] = make(map[int]func([]byte))
	}
	id := b.next
	b.next++
	b.receivers[subject][id] = receive
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.receivers[subject], id)
		if len(b.receivers[subject]) == 0 {
			delete(b.receivers, subject)
		}
	}, nil
}

func (b *localBroker) live() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.receivers)
}

func TestBrokerConnectsHubs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := new(localBroker)
		var hubs []*events.Hub
		var links []*link
		var ins []*sink
		for range 3 {
			hubs = append(hubs, events.NewHub(&events.Options{Broker: broker}))
			l := connect(t, config{})
			links, ins = append(links, l), append(ins, record(t, l.client))
		}
		for i, h := range hubs[:2] {
			subscribe(t, h, links[i].server, "x")
		}
		hubs[2].Add(links[2].server)
		synctest.Wait()
		for n := range uint64(10) {
			emit(t, hubs[n%3], "x", n)
		}
		if err := hubs[0].EmitAll(t.Context(), number{N: 100}, nil); err != nil {
			t.Error(err)
		}
		if err := hubs[0].EmitAll(t.Context(), number{N: 101}, func(*core.Session) bool { return true }); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		// Exactly once each, also the publisher's own, and nothing went round.
		expect(t, ins[0], "x", upTo(10))
		expect(t, ins[1], "x", upTo(10))
		expect(t, ins[2], "x", nil)
		expect(t, ins[0], "", []uint64{100, 101})
		expect(t, ins[1], "", []uint64{100})
		expect(t, ins[2], "", []uint64{100})
		if broker.published != 11 {
			t.Errorf("%d messages for 11 events", broker.published)
		}
		hubs[0].Unsubscribe(links[0].server, "x")
		links[1].close()
		synctest.Wait()
		if n := broker.live(); n != 1 { // that of events to all
			t.Errorf("%d subjects are subscribed to with no subscribers", n)
		}
		for _, h := range hubs {
			h.Close()
		}
		if n := broker.live(); n != 0 {
			t.Errorf("%d subjects are subscribed to by closed hubs", n)
		}
	})
}

func TestBrokerThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		broker := &localBroker{err: twinwire.Errorf(twinwire.Unavailable, "down")}
		h := events.NewHub(&events.Options{Broker: broker, Logger: logTo(&log)})
		l := connect(t, config{})
		in := record(t, l.client)
		subscribe(t, h, l.server, "x")
		if err := h.Emit(t.Context(), "x", number{}); !errors.Is(err, twinwire.Unavailable) {
			t.Errorf("Emit: %v, want the broker's error", err)
		}
		synctest.Wait()
		expect(t, in, "x", []uint64{0}) // here it went all the same
		h.Close()
		if !strings.Contains(log.String(), "down") {
			t.Error("the error was not logged")
		}

		h = events.NewHub(&events.Options{Broker: panickyBroker{}, Logger: logTo(&log)})
		subscribe(t, h, l.server, "x2")
		if err := h.Emit(t.Context(), "x2", number{}); !errors.Is(err, twinwire.Internal) {
			t.Errorf("Emit: %v, want Internal", err)
		}
		synctest.Wait()
		expect(t, in, "x2", []uint64{0})
		h.Close()
	})
}

type panickyBroker struct{}

func (panickyBroker) Publish(context.Context, string, []byte) error { panic("publish") }
func (panickyBroker) Subscribe(string, func([]byte)) (func(), error) {
	panic("subscribe")
}

func TestSubjectsHoldNothingOfThePeer(t *testing.T) {
	seen := make(map[string]events.Topic)
	for _, topic := range []events.Topic{"a", "a.b", "a.>", "*", " ", "\r\nPUB x 1\r\n", "\x00", "\xff\xfe", "ä", "A",
		events.Topic(strings.Repeat("\xff", 255)), "all"} {
		s := events.SubjectOf(topic)
		for _, c := range s {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", c) {
				t.Errorf("subject of %q has %q in it: %s", topic, c, s)
			}
		}
		if strings.Count(s, ".") != 2 || !strings.HasPrefix(s, "twinwire.topic.") {
			t.Errorf("subject of %q is %s", topic, s)
		}
		if other, ok := seen[s]; ok {
			t.Errorf("%q and %q have one subject", topic, other)
		}
		seen[s] = topic
	}
}

// What comes from a broker is not trusted.
func TestMalformedMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		broker := new(localBroker)
		h := events.NewHub(&events.Options{Broker: broker, Logger: logTo(&log)})
		l := connect(t, config{})
		in := record(t, l.client)
		subscribe(t, h, l.server, "x")
		synctest.Wait()
		good := codec.AppendArrayHeader(nil, 4)
		good = codec.AppendUint(good, 1)
		good = codec.AppendBytes(good, make([]byte, 16))
		badType := codec.AppendBytes(codec.AppendString(bytes.Clone(good), "not a type"), []byte{0xc0})
		large := codec.AppendBytes(codec.AppendString(bytes.Clone(good), "counter.Number"), make([]byte, events.MaxEvent+1))
		payload, _ := number{N: 7}.AppendMsgpack(nil)
		good = codec.AppendBytes(codec.AppendString(good, "counter.Number"), payload)
		newer := bytes.Clone(good)
		newer[1] = 2
		messages := [][]byte{nil, {0xc1}, {0x94}, {0xdd, 0xff, 0xff, 0xff, 0xff}, newer, badType, large}
		for i := range len(good) {
			messages = append(messages, good[:i])
		}
		messages = append(messages, good)
		for _, m := range messages {
			if err := broker.Publish(t.Context(), events.SubjectOf("x"), m); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		expect(t, in, "x", []uint64{7})
		if n := strings.Count(log.String(), "cannot be read"); n != len(messages)-1 {
			t.Errorf("%d of %d malformed messages were logged", n, len(messages)-1)
		}
		h.Close()
	})
}

func TestSubjectsFollowTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := new(localBroker)
		h := events.NewHub(&events.Options{Broker: broker})
		l := connect(t, config{})
		subscribe(t, h, l.server, "x")
		synctest.Wait()
		h.Unsubscribe(l.server, "x")
		synctest.Wait()
		subscribe(t, h, l.server, "x")
		synctest.Wait()
		want := []string{"twinwire.all", events.SubjectOf("x"), events.SubjectOf("x")}
		if !slices.Equal(broker.subjects, want) {
			t.Errorf("subscribed to %v, want %v", broker.subjects, want)
		}
		h.Close()
	})
}
