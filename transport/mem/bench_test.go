package mem_test

import (
	"testing"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport/mem"
)

// opened returns a pair with lane 0 open, and what delivers to either end. The
// pair ends with the test.
func opened(b testing.TB, o *mem.Options, toClient, toServer func(frames []byte)) (client, server *mem.Carrier) {
	client, server = mem.Pipe(o)
	done := make(chan error, 2)
	ready := make(chan struct{})
	go func() {
		done <- client.Receive(func(_ int, frames []byte) error {
			toClient(frames)
			return nil
		})
	}()
	first := true
	go func() {
		done <- server.Receive(func(_ int, frames []byte) error {
			if first {
				first = false
				close(ready)
				return nil
			}
			toServer(frames)
			return nil
		})
	}()
	b.Cleanup(func() {
		client.Close(0, "")
		server.Close(0, "")
		<-done
		<-done
	})
	if err := client.Send(0, frame.Append(nil, &frame.Frame{Kind: frame.Hello})); err != nil {
		b.Fatal(err)
	}
	<-ready
	return client, server
}

func message(size int) []byte {
	return frame.Append(nil, &frame.Frame{Kind: frame.Message, Ref: 2, Payload: make([]byte, size)})
}

// BenchmarkPingPong is one frame there and one back, each handled where it is
// delivered.
func BenchmarkPingPong(b *testing.B) {
	for name, o := range map[string]*mem.Options{"Lanes": nil, "OnePipe": {OnePipe: true}} {
		b.Run(name, func(b *testing.B) {
			back := make(chan struct{}, 1)
			var client, server *mem.Carrier
			msg := message(64)
			client, server = opened(b, o, func([]byte) { back <- struct{}{} }, func([]byte) { _ = server.Send(0, msg) })
			b.ReportAllocs()
			for b.Loop() {
				if err := client.Send(0, msg); err != nil {
					b.Fatal(err)
				}
				<-back
			}
		})
	}
}

// BenchmarkChannels is the same between two goroutines with bare channels: the
// floor.
func BenchmarkChannels(b *testing.B) {
	there, back := make(chan []byte, 1), make(chan []byte, 1)
	again := make(chan struct{}, 1)
	go func() {
		for m := range there {
			back <- m
		}
		close(back)
	}()
	go func() {
		for range back {
			again <- struct{}{}
		}
	}()
	defer close(there)
	msg := message(64)
	b.ReportAllocs()
	for b.Loop() {
		there <- msg
		<-again
	}
}

// BenchmarkThroughput is one direction at full speed.
func BenchmarkThroughput(b *testing.B) {
	for name, size := range map[string]int{"64B": 64, "16KiB": frame.MaxPayload} {
		b.Run(name, func(b *testing.B) {
			client, _ := opened(b, nil, func([]byte) {}, func([]byte) {})
			msg := message(size)
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				if err := client.Send(0, msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
