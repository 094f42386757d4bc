package ws_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport/ws"
)

var sizes = []struct {
	name string
	size int
}{{"64B", 64}, {"1KiB", 1 << 10}, {"16KiB", frame.MaxPayload}}

func message(size int) []byte {
	return frame.Append(nil, &frame.Frame{Kind: frame.Message, Ref: 2, Payload: make([]byte, size)})
}

// BenchmarkEcho is one batch there and back, over TLS on loopback; bare is the
// same with nothing but gorilla/websocket and its default buffers.
func BenchmarkEcho(b *testing.B) {
	for _, s := range sizes {
		b.Run("carrier/"+s.name, func(b *testing.B) { benchmarkCarrier(b, s.size, true) })
		b.Run("bare/"+s.name, func(b *testing.B) { benchmarkBare(b, s.size, true) })
	}
}

// BenchmarkSend is one direction at full speed.
func BenchmarkSend(b *testing.B) {
	for _, s := range sizes {
		b.Run("carrier/"+s.name, func(b *testing.B) { benchmarkCarrier(b, s.size, false) })
		b.Run("bare/"+s.name, func(b *testing.B) { benchmarkBare(b, s.size, false) })
	}
}

func benchmarkCarrier(b *testing.B, size int, echo bool) {
	client, server, _ := listen(b, true).pair(b, 0)
	back, ended := make(chan struct{}, 1), make(chan error, 2)
	go func() {
		ended <- client.Receive(func(int, []byte) error {
			back <- struct{}{}
			return nil
		})
	}()
	msg := message(size)
	go func() {
		ended <- server.Receive(func(_ int, frames []byte) error {
			if echo {
				return server.Send(0, frames)
			}
			return nil
		})
	}()
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		if err := client.Send(0, msg); err != nil {
			b.Fatal(err)
		}
		if echo {
			<-back
		}
	}
	client.Close(0, "")
	server.Close(0, "")
	<-ended
	<-ended
}

func benchmarkBare(b *testing.B, size int, echo bool) {
	ended := make(chan struct{})
	h := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		conn, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		for {
			kind, m, err := conn.ReadMessage()
			if err != nil {
				return
			}
			if echo {
				if err := conn.WriteMessage(kind, m); err != nil {
					b.Error(err)
					return
				}
			}
		}
	}))
	h.TLS = &tls.Config{MinVersion: tls.VersionTLS13, DynamicRecordSizingDisabled: true}
	h.StartTLS()
	defer h.Close()
	d := websocket.Dialer{TLSClientConfig: h.Client().Transport.(*http.Transport).TLSClientConfig.Clone()}
	d.TLSClientConfig.NextProtos = []string{"http/1.1"}
	d.TLSClientConfig.DynamicRecordSizingDisabled = true
	conn, _, err := d.Dial("ws"+strings.TrimPrefix(h.URL, "http")+ws.Path, nil)
	if err != nil {
		b.Fatal(err)
	}
	msg := message(size)
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		if err := conn.WriteMessage(websocket.BinaryMessage, msg); err != nil {
			b.Fatal(err)
		}
		if echo {
			if _, _, err := conn.ReadMessage(); err != nil {
				b.Fatal(err)
			}
		}
	}
	_ = conn.Close()
	<-ended
}
