package machine

import (
	"testing"
	"time"
)

// BenchmarkCall is a call and its answer through two machines, with nothing in
// between.
func BenchmarkCall(b *testing.B) {
	for name, independent := range map[string]bool{"OnePipe": false, "Lanes": true} {
		b.Run(name, func(b *testing.B) {
			client, server := New(testConfig(true, independent), 0), New(testConfig(false, independent), 0)
			lane := client.role.call % client.Pipes()
			buf := make([]byte, 0, 64<<10)
			var eff Effects
			must := func(err error) {
				if err != nil {
					b.Fatal(err)
				}
			}
			must(server.Receive(0, client.Batch(0, 0, buf), 0, &eff))
			c := &Call{Method: "test.Echo", Content: Content{Payload: make([]byte, 32)}}
			reply := make([]byte, 32)
			now := time.Duration(0)
			b.ReportAllocs()
			for b.Loop() {
				now += 10 * time.Microsecond
				must(client.Start(c))
				eff.Reset()
				client.Wake()
				must(server.Receive(lane, client.Batch(lane, now, buf), now, &eff))
				client.Sent()
				server.Reply(eff.Start[0], 0, reply, nil)
				eff.Reset()
				server.Wake()
				must(client.Receive(lane, server.Batch(lane, now, buf), now, &eff))
				server.Sent()
				if len(eff.Done) != 1 {
					b.Fatal("no answer")
				}
			}
		})
	}
}

// BenchmarkEmit is an event from one machine to another.
func BenchmarkEmit(b *testing.B) {
	server, client := New(testConfig(false, false), 0), New(testConfig(true, false), 0)
	buf := make([]byte, 0, 64<<10)
	var eff Effects
	if err := server.Receive(0, client.Batch(0, 0, buf), 0, &eff); err != nil {
		b.Fatal(err)
	}
	payload := make([]byte, 32)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := server.Emit(nil, "test.Event", payload, DropOldest); err != nil {
			b.Fatal(err)
		}
		eff.Reset()
		if err := client.Receive(0, server.Batch(0, 0, buf), 0, &eff); err != nil {
			b.Fatal(err)
		}
		if err := server.Receive(0, client.Batch(0, 0, buf), 0, &eff); err != nil {
			b.Fatal(err)
		}
	}
}
