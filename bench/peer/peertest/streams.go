package peertest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinwire/twinwire/bench/peer"
)

// testStreams checks what peer.Streams promises.
func testStreams(t *testing.T, p peer.Peer) {
	s := start(t, p)
	c := dialStreams(t, s)
	t.Run("up", func(t *testing.T) {
		before := received(t, s)
		sum := 0
		for _, size := range []int{1, 100_000, 3 << 20} {
			if err := c.Upload(size); err != nil {
				t.Fatal(err)
			}
			sum += size
		}
		if got := received(t, s).Bytes - before.Bytes; got != uint64(sum) {
			t.Errorf("server has received %d bytes, want %d", got, sum)
		}
	})
	t.Run("down", func(t *testing.T) {
		for _, size := range []int{1, 100_000, 3 << 20} {
			got := 0
			if err := c.Download(size, func(n int) { got += n }); err != nil {
				t.Fatal(err)
			}
			if got != size {
				t.Errorf("%d bytes, want %d", got, size)
			}
		}
	})
	t.Run("beside each other and calls", func(t *testing.T) {
		var down atomic.Int64
		together(t, 6, func(i int) error {
			switch i % 3 {
			case 0:
				return c.Upload(1 << 20)
			case 1:
				return c.Download(1<<20, func(n int) { down.Add(int64(n)) })
			}
			return calls(c.NewCaller(), 50)
		})
		if got := down.Load(); got != 2<<20 {
			t.Errorf("%d bytes, want %d", got, 2<<20)
		}
	})
	t.Run("close ends them", func(t *testing.T) {
		c := dialStreams(t, s)
		var wg sync.WaitGroup
		began := make(chan struct{})
		var once sync.Once
		wg.Go(func() {
			for c.Upload(1<<20) == nil {
			}
		})
		wg.Go(func() {
			for c.Download(1<<20, func(int) { once.Do(func() { close(began) }) }) == nil {
			}
		})
		within(t, "a stream begins", began)
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		ended := make(chan struct{})
		go func() { // ends with the streams
			wg.Wait()
			close(ended)
		}()
		within(t, "the streams end", ended)
	})
}

func dialStreams(t *testing.T, s *fixture) peer.Streamer {
	t.Helper()
	c, ok := s.dialWith(t, peer.DialOptions{Streams: true}).(peer.Streamer)
	if !ok {
		t.Fatal("the connection is no peer.Streamer")
	}
	call(t, c, 1)
	return c
}

func received(t *testing.T, s *fixture) peer.Received {
	t.Helper()
	r, ok := s.server.(peer.Receiver)
	if !ok {
		t.Fatal("the server is no peer.Receiver")
	}
	return r.Received()
}

func item(n uint64) []byte {
	return append(payload(n), make([]byte, peer.ItemSize-payloadSize)...)
}

// testOneWay checks what peer.OneWay promises.
func testOneWay(t *testing.T, p peer.Peer) {
	s := start(t, p)
	c := s.dial(t, nil)
	call(t, c, 1)
	begins := make(map[string]func() (peer.Sender, error))
	if p.Info().Can&peer.Values != 0 {
		v, ok := c.(peer.Valuer)
		if !ok {
			t.Fatal("the connection is no peer.Valuer")
		}
		begins["values"] = v.Values
	}
	if p.Info().Can&peer.Messages != 0 {
		m, ok := c.(peer.Messenger)
		if !ok {
			t.Fatal("the connection is no peer.Messenger")
		}
		begins["messages"] = m.Messages
	}
	var last func() (peer.Sender, error)
	for name, begin := range begins {
		last = begin
		t.Run(name, func(t *testing.T) {
			const n = 3000
			before := received(t, s)
			sender, err := begin()
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				if err := sender.Send(item(uint64(i))); err != nil {
					t.Fatal(err)
				}
			}
			if err := sender.Close(); err != nil {
				t.Fatal(err)
			}
			deadline := time.Now().Add(patience)
			for received(t, s).Items-before.Items != n {
				if time.Now().After(deadline) {
					t.Fatalf("%d handled in order, want %d", received(t, s).Items-before.Items, n)
				}
				time.Sleep(time.Millisecond) // there is nothing to wait on
			}
		})
	}
	t.Run("close ends them", func(t *testing.T) {
		sender, err := last()
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { // ends with the connection
			defer close(ended)
			for i := uint64(0); sender.Send(item(i)) == nil; i++ {
			}
			_ = sender.Close()
		}()
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		within(t, "sending ends", ended)
	})
}
