package ws

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport/internal/deframe"
)

// A script is a connection whose peer has said everything in advance.
type script struct {
	net.Conn // nil
	r        io.Reader
	written  int
}

func (s *script) Read(b []byte) (int, error)  { return s.r.Read(b) }
func (s *script) Write(b []byte) (int, error) { s.written += len(b); return len(b), nil }
func (*script) Close() error                  { return nil }
func (*script) LocalAddr() net.Addr           { return &net.TCPAddr{} }
func (*script) RemoteAddr() net.Addr          { return &net.TCPAddr{} }
func (*script) SetDeadline(time.Time) error   { return nil }

func (*script) SetReadDeadline(time.Time) error  { return nil }
func (*script) SetWriteDeadline(time.Time) error { return nil }

// Hijack makes it a response to upgrade.
type scripted struct {
	*httptest.ResponseRecorder
	conn *script
}

func (s scripted) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	none := bufio.NewReader(bytes.NewReader(nil))
	return s.conn, bufio.NewReadWriter(none, bufio.NewWriter(s.conn)), nil
}

func upgradeScript(t testing.TB, conn *script) *Carrier {
	r := &http.Request{Method: http.MethodGet, Header: http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="}, "Sec-Websocket-Protocol": {Subprotocol},
	}}
	c, _, err := Upgrade(scripted{httptest.NewRecorder(), conn}, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Whatever a peer sends, the server survives, delivers whole frames only, and
// says little in return.
func FuzzPeer(f *testing.F) {
	client := &Carrier{client: true}
	encode := func(opcode byte, payload []byte) []byte {
		b := make([]byte, len(payload)+maxHeader)
		return b[:client.encode(b, opcode, payload)]
	}
	good := frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: []byte("hello")})
	f.Add(encode(2, good))
	f.Add(append(encode(2, bytes.Repeat(good, 100)), encode(9, []byte("ping"))...))
	f.Add(encode(1, good))
	f.Add(encode(8, []byte{0x0f, 0xa0, 'b', 'y', 'e'}))
	f.Add([]byte{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add(append([]byte{0x02, 0x81, 0, 0, 0, 0, 2}, bytes.Repeat([]byte{0x00, 0x80, 0, 0, 0, 0}, 50)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		conn := &script{r: bytes.NewReader(b)}
		c := upgradeScript(t, conn)
		delivered := 0
		conn.written = 0
		err := c.Receive(func(lane int, frames []byte) error {
			if err := deframe.Batch(frames); err != nil || lane != 0 || len(frames) > frame.MaxBatch {
				t.Fatalf("delivered %d bytes on lane %d: %v", len(frames), lane, err)
			}
			delivered += len(frames)
			return nil
		})
		if err == nil {
			t.Fatal("Receive returned nil")
		}
		if delivered > len(b) {
			t.Fatalf("delivered %d bytes of %d", delivered, len(b))
		}
		if most := len(b) + 2*125; conn.written > most {
			t.Fatalf("%d bytes sent for %d", conn.written, len(b))
		}
	})
}

// mask agrees with the definition in RFC 6455, section 5.3.
func FuzzMask(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef0123456789"), uint32(0x01020304))
	f.Add(bytes.Repeat([]byte("0123456789abcde"), 2*maskRun/15), uint32(0x01020304))
	f.Add(bytes.Repeat([]byte("0123456789abcde"), 3*maskRun/15+1), uint32(0x01020304))
	f.Fuzz(func(t *testing.T, src []byte, key uint32) {
		dst := make([]byte, len(src))
		mask(dst, src, key)
		for i := range src {
			if want := src[i] ^ byte(key>>(8*(i%4))); dst[i] != want {
				t.Fatalf("byte %d of %d is %#x, want %#x", i, len(src), dst[i], want)
			}
		}
		mask(dst, dst, key)
		if !bytes.Equal(dst, src) {
			t.Fatal("unmasked in its place it is not the same")
		}
	})
}
