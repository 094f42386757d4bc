// Package peertest holds what every peer must do before its figures mean
// anything. A peer's own test is one call of Test.
package peertest

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
)

// patience bounds every wait. It is the price of a failure only.
const patience = 20 * time.Second

// payloadSize is that of the harness.
const payloadSize = 32

// ServerCloses is the name of a subtest.
const ServerCloses = "the server's close ends connections"

// Test checks one peer, in subtests. Those that are excepted do not hold for
// it, for a reason that stands where it is tested.
func Test(t *testing.T, p peer.Peer, except ...string) {
	t.Run("one caller gets its payloads back", func(t *testing.T) {
		s := start(t, p)
		call(t, s.dial(t, nil), 100)
	})
	t.Run("many callers share a connection", func(t *testing.T) {
		s := start(t, p)
		c := s.dial(t, nil)
		together(t, 100, func(int) error { return calls(c.NewCaller(), 20) })
	})
	t.Run("many connections share a server", func(t *testing.T) {
		s := start(t, p)
		conns := make([]peer.Conn, 10)
		for i := range conns {
			conns[i] = s.dial(t, nil)
		}
		together(t, len(conns), func(i int) error { return calls(conns[i].NewCaller(), 20) })
	})
	t.Run("large payloads", func(t *testing.T) {
		s := start(t, p)
		c := s.dialWith(t, peer.DialOptions{Large: true})
		together(t, 4, func(i int) error {
			caller := c.NewCaller()
			for n := range 2 {
				want := bytes.Repeat([]byte{byte(i), byte(n), 'x', 0xff}, 1<<18)
				if got, err := caller.Call(want); err != nil || !bytes.Equal(got, want) {
					return fmt.Errorf("call %d: %d bytes, want %d: %w", n, len(got), len(want), err)
				}
			}
			return nil
		})
	})
	t.Run("what it cannot do has a reason", func(t *testing.T) {
		for _, a := range []peer.Ability{peer.Values, peer.Messages, peer.Events} {
			can, reason := p.Info().Can&a != 0, p.Info().Lacks[a]
			if can && reason != "" || !can && reason == "" && p.Info().Kind == peer.Other {
				t.Errorf("ability %d: can: %v, why it cannot: %q", a, can, reason)
			}
		}
	})
	if p.Info().Can&peer.Events != 0 {
		t.Run("events reach every subscriber in order", func(t *testing.T) { testEvents(t, p) })
	}
	if p.Info().Can&peer.Topics != 0 {
		t.Run("topics", func(t *testing.T) { testTopics(t, p) })
	}
	if p.Info().Can&peer.Streams != 0 {
		t.Run("streams", func(t *testing.T) { testStreams(t, p) })
	}
	if p.Info().Can&(peer.Values|peer.Messages) != 0 {
		t.Run("one way", func(t *testing.T) { testOneWay(t, p) })
	}
	t.Run("close ends a call that waits", func(t *testing.T) { testCloseConn(t, p) })
	if !slices.Contains(except, ServerCloses) {
		t.Run(ServerCloses, func(t *testing.T) { testCloseServer(t, p) })
	}
}

func testEvents(t *testing.T, p peer.Peer) {
	const subscribers, events = 10, 100
	s := start(t, p)
	publisher, ok := s.server.(peer.Publisher)
	if !ok {
		t.Fatal("the server is no peer.Publisher")
	}
	var arrived sync.WaitGroup
	arrived.Add(subscribers)
	failed := make(chan error, subscribers)
	for range subscribers {
		var next uint64
		c := s.dial(t, func(event []byte) {
			switch got := binary.BigEndian.Uint64(event); {
			case len(event) != payloadSize:
				failed <- fmt.Errorf("event of %d bytes, want %d", len(event), payloadSize)
			case got != next:
				failed <- fmt.Errorf("event %d, want %d", got, next)
			case got == events-1:
				arrived.Done()
			}
			next++
		})
		call(t, c, 1)
	}
	bystander := s.dial(t, nil)
	call(t, bystander, 1)
	for i := range events {
		if err := publisher.Publish(payload(uint64(i))); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() { // ends with the last event, or after a failure with the process
		arrived.Wait()
		close(done)
	}()
	select {
	case <-done:
	case err := <-failed:
		t.Fatal(err)
	case <-time.After(patience):
		t.Fatal("not all events arrived")
	}
	call(t, bystander, 1)
}

// testTopics publishes to topics in turn. What is checked is the order within
// each: the payload says which one it is of.
func testTopics(t *testing.T, p peer.Peer) {
	const topics, each = 5, 40
	s := start(t, p)
	publisher, ok := s.server.(peer.TopicPublisher)
	if !ok {
		t.Fatal("the server is no peer.TopicPublisher")
	}
	done := make(chan error, 1)
	var next [topics]uint64
	arrived := 0
	c := s.dialWith(t, peer.DialOptions{Topics: topics, OnEvent: func(event []byte) {
		topic, number := event[0], binary.BigEndian.Uint64(event[8:])
		if number != next[topic] {
			done <- fmt.Errorf("event %d of topic %d, want %d", number, topic, next[topic])
		}
		next[topic]++
		if arrived++; arrived == topics*each {
			done <- nil
		}
	}})
	call(t, c, 1)
	for i := range uint64(topics * each) {
		event := make([]byte, payloadSize)
		event[0] = byte(i % topics)
		binary.BigEndian.PutUint64(event[8:], i/topics)
		if err := publisher.PublishTo(int(i%topics), event); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("not all events arrived")
	}
}

// testCloseConn closes a connection while callers use it.
func testCloseConn(t *testing.T, p peer.Peer) {
	s := start(t, p)
	c := s.dial(t, nil)
	call(t, c, 1)
	ended := callForEver(c)
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	within(t, "the calls end", ended)
	if _, err := c.NewCaller().Call(payload(0)); err == nil {
		t.Error("a call on a closed connection succeeded")
	}
}

// testCloseServer closes a server while its client calls it.
func testCloseServer(t *testing.T, p peer.Peer) {
	s := start(t, p)
	c := s.dial(t, nil)
	call(t, c, 1)
	ended := callForEver(c)
	closed := make(chan struct{})
	go func() { // ends with Close
		defer close(closed)
		if err := s.server.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	within(t, "the server closes", closed)
	// A client that retries ends its calls when it is closed, at the latest.
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	within(t, "the calls end", ended)
}

// callForEver calls from several goroutines until all of them fail, and closes
// what it returns then.
func callForEver(c peer.Conn) <-chan struct{} {
	var wg sync.WaitGroup
	for range 8 {
		caller := c.NewCaller()
		wg.Go(func() {
			for calls(caller, 1) == nil {
			}
		})
	}
	ended := make(chan struct{})
	go func() { // ends with the callers
		wg.Wait()
		close(ended)
	}()
	return ended
}

func within(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("not within %v: %s", patience, what)
	}
}

// fixture is a server and how to reach it.
type fixture struct {
	peer   peer.Peer
	server peer.Server
	cert   *x509.Certificate
}

func start(t *testing.T, p peer.Peer) *fixture {
	t.Helper()
	cert, err := peer.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Serve("127.0.0.1", cert)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("server: close: %v", err)
		}
	})
	return &fixture{p, s, parsed}
}

func (f *fixture) dial(t *testing.T, onEvent func([]byte)) peer.Conn {
	t.Helper()
	return f.dialWith(t, peer.DialOptions{OnEvent: onEvent})
}

func (f *fixture) dialWith(t *testing.T, opts peer.DialOptions) peer.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	opts.Certificate = f.cert
	c, err := f.peer.Dial(ctx, f.server.Addr(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("connection: close: %v", err)
		}
	})
	return c
}

func call(t *testing.T, c peer.Conn, n int) {
	t.Helper()
	if err := calls(c.NewCaller(), n); err != nil {
		t.Fatal(err)
	}
}

// calls makes n calls with different payloads.
func calls(c peer.Caller, n int) error {
	for i := range n {
		want := payload(uint64(i) * 0x0101010101)
		got, err := c.Call(want)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("call %d: got %x, want %x", i, got, want)
		}
	}
	return nil
}

func payload(n uint64) []byte {
	b := make([]byte, payloadSize)
	binary.BigEndian.PutUint64(b, n)
	return b
}

// together runs f in n goroutines and waits for them.
func together(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := f(i); err != nil {
				t.Errorf("goroutine %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}
