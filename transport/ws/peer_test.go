package ws_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/ws"
)

// A raw peer speaks WebSocket by hand.
type raw struct {
	*websocket.Conn
	server   *ws.Carrier
	received chan error  // what Receive of the server returned
	got      chan []byte // what it delivered
}

func rawPeer(t *testing.T) *raw {
	t.Helper()
	s := listen(t, false)
	d := websocket.Dialer{Subprotocols: []string{ws.Subprotocol}}
	conn, _, err := d.Dial(s.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &raw{Conn: conn, server: <-s.accepted, received: make(chan error, 1), got: make(chan []byte, 100)}
	go func() {
		p.received <- p.server.Receive(func(_ int, frames []byte) error {
			p.got <- bytes.Clone(frames)
			return nil
		})
	}()
	t.Cleanup(func() {
		p.server.Close(0, "")
		_ = conn.Close()
	})
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return p
}

// write writes bytes under WebSocket; it may fail once the server has closed.
func (p *raw) write(b []byte) { _, _ = p.NetConn().Write(b) }

// next returns the next batch that the server delivers.
func (p *raw) next(t *testing.T) []byte {
	t.Helper()
	select {
	case b := <-p.got:
		return b
	case err := <-p.received:
		t.Fatalf("server ended with %v", err)
		return nil
	}
}

// header returns the header of a masked frame, with a key of zero.
func header(first byte, size uint64) []byte {
	b := []byte{first, 0x80 | byte(size)}
	if size > 125 {
		b[1] = 0x80 | 127
		b = binary.BigEndian.AppendUint64(b, size)
	}
	return append(b, 0, 0, 0, 0)
}

func whole(first byte, payload []byte) []byte {
	return append(header(first, uint64(len(payload))), payload...)
}

// refused checks that the server ended with ProtocolError and told the peer
// with the status that clause 10.1 gives it.
func (p *raw) refused(t *testing.T, reason string) {
	t.Helper()
	var told *websocket.CloseError
	if _, _, err := p.ReadMessage(); !errors.As(err, &told) || told.Code != 4000+int(twinwire.ProtocolError) || told.Text != reason {
		t.Errorf("peer was told %v, want status 4015 and %q", err, reason)
	}
	_ = p.Conn.Close()
	if err := <-p.received; !errors.Is(err, twinwire.ProtocolError) {
		t.Errorf("server ended with %v, want a protocol error", err)
	}
}

const (
	fin           = 0x80
	text          = websocket.TextMessage
	binaryMessage = websocket.BinaryMessage
	ping          = websocket.PingMessage
)

// Clauses 2.5 and 10.1: a binary message is a batch of whole frames.
func TestBadMessages(t *testing.T) {
	good := message(10)
	for name, test := range map[string]struct {
		bytes  []byte
		reason string
	}{
		"Text":        {whole(fin|text, good), "text message"},
		"Empty":       {whole(fin|binaryMessage, nil), frame.ErrShort.Error()},
		"Cut":         {whole(fin|binaryMessage, append(good, good[:len(good)-1]...)), frame.ErrShort.Error()},
		"CutLength":   {whole(fin|binaryMessage, append(good, 0x80)), frame.ErrShort.Error()},
		"FrameLength": {whole(fin|binaryMessage, []byte{1, 1}), frame.ErrLength.Error()},
		"OneOver":     {whole(fin|binaryMessage, make([]byte, frame.MaxBatch+1)), "message over 69632 bytes"},
		// The rest never comes: the server must not wait for it.
		"Gigabyte":       {append(header(fin|binaryMessage, 1<<30), make([]byte, frame.MaxBatch+1)...), "message over 69632 bytes"},
		"EmptyFragments": {append(whole(binaryMessage, good), bytes.Repeat(whole(0, nil), 40000)...), "too many fragments"},
		"ManyFragments":  {append(whole(binaryMessage, good[:1]), bytes.Repeat(whole(0, []byte{0}), 60000)...), "too many fragments"},
		"Pings":          {bytes.Repeat(whole(fin|ping, nil), 11), "too many pings"},
		"Pongs":          {bytes.Repeat(whole(fin|websocket.PongMessage, nil), 11), "too many pings"},
	} {
		t.Run(name, func(t *testing.T) {
			p := rawPeer(t)
			p.write(test.bytes)
			p.refused(t, test.reason)
			select {
			case b := <-p.got:
				t.Errorf("delivered %x", b)
			default:
			}
		})
	}
}

// What breaks RFC 6455 itself ends the carrier too.
func TestBadWebSocket(t *testing.T) {
	for name, test := range map[string]struct {
		bytes  []byte
		reason string
	}{
		"Unmasked":      {[]byte{fin | binaryMessage, 3, 2, 0x41, 0}, "unmasked WebSocket frame"},
		"Reserved":      {whole(fin|0x40|binaryMessage, message(1)), "reserved bits of a WebSocket frame"},
		"Opcode":        {whole(fin|3, nil), "unknown WebSocket opcode"},
		"ControlOpcode": {whole(fin|11, nil), "unknown WebSocket opcode"},
		"Negative":      {header(fin|binaryMessage, 1<<63), "message over 69632 bytes"},
		"Continuation":  {whole(fin, message(1)), "WebSocket continuation without a message"},
		"BigControl":    {whole(fin|ping, make([]byte, 126)), "malformed WebSocket control frame"},
		"CutControl":    {whole(ping, nil), "malformed WebSocket control frame"},
		"Interleaved":   {append(whole(binaryMessage, message(1)), whole(fin|binaryMessage, message(1))...), "WebSocket message within another"},
		"CloseCode":     {whole(fin|websocket.CloseMessage, []byte{0, 1}), "malformed WebSocket control frame"},
		"CloseLocal":    {whole(fin|websocket.CloseMessage, []byte{0x03, 0xee}), "malformed WebSocket control frame"},
		"CloseShort":    {whole(fin|websocket.CloseMessage, []byte{3}), "malformed WebSocket control frame"},
		"CloseText":     {whole(fin|websocket.CloseMessage, []byte{0x03, 0xe8, 0xff}), "malformed WebSocket control frame"},
	} {
		t.Run(name, func(t *testing.T) {
			p := rawPeer(t)
			p.write(test.bytes)
			p.refused(t, test.reason)
			if len(p.got) > 0 {
				t.Errorf("delivered %x", <-p.got)
			}
		})
	}
}

// A message in fragments, with a ping among them, is one batch.
func TestFragments(t *testing.T) {
	p := rawPeer(t)
	pongs := make(chan string, 2)
	p.SetPongHandler(func(data string) error {
		pongs <- data
		return nil
	})
	go func() { // ends with the connection
		_, _, err := p.ReadMessage()
		pongs <- err.Error()
	}()
	b := message(1000)
	p.write(whole(binaryMessage, b[:1]))
	p.write(whole(fin|ping, []byte("are you there")))
	if got := <-pongs; got != "are you there" {
		t.Errorf("pong %q", got)
	}
	p.write(whole(0, b[1:500]))
	p.write(whole(0, nil))
	p.write(whole(fin, b[500:]))
	if got := p.next(t); !bytes.Equal(got, b) {
		t.Errorf("delivered %x, want %x", got, b)
	}
}

// brokenBy is the code of a carrier that was broken and not closed (clause 14.1).
const brokenBy = twinwire.MaxCode + 1

// closeStatuses are what other programs say with a close frame, and the codes that
// this has at a server and at a client (clause 10.1).
var closeStatuses = []struct {
	status         int
	server, client twinwire.Code
}{
	{websocket.CloseNoStatusReceived, twinwire.Accepted, brokenBy},
	{websocket.CloseNormalClosure, twinwire.Accepted, brokenBy},
	{websocket.CloseGoingAway, twinwire.Accepted, brokenBy}, // a page that is left, or a proxy that stops
	{websocket.CloseProtocolError, brokenBy, brokenBy},
	{websocket.CloseMessageTooBig, brokenBy, brokenBy},
	{websocket.CloseInternalServerErr, brokenBy, brokenBy},
	{websocket.CloseServiceRestart, brokenBy, brokenBy},
	{3000, brokenBy, brokenBy},
	{4000, twinwire.Accepted, twinwire.Accepted},
	{4013, twinwire.Unavailable, twinwire.Unavailable},
	{4999, 999, 999},
}

func checkClosed(t *testing.T, err error, status int, want twinwire.Code) {
	t.Helper()
	var e *transport.CloseError
	switch closed := errors.As(err, &e); {
	case want == brokenBy && (closed || !strings.Contains(err.Error(), "why") && status != websocket.CloseNoStatusReceived):
		t.Errorf("status %d ended the carrier with %v, want it broken, and why", status, err)
	case want != brokenBy && (!closed || !e.Remote || e.Code != want):
		t.Errorf("status %d ended the carrier with %v, want code %d by the peer", status, err, want)
	}
}

func TestCloseStatus(t *testing.T) {
	for _, test := range closeStatuses {
		p := rawPeer(t)
		if err := p.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(test.status, "why"), time.Time{}); err != nil {
			t.Fatal(err)
		}
		checkClosed(t, <-p.received, test.status, test.server)
		// The answer repeats the status.
		var told *websocket.CloseError
		if _, _, err := p.ReadMessage(); !errors.As(err, &told) || told.Code != test.status {
			t.Errorf("status %d was answered with %v", test.status, err)
		}
	}
}

func TestCloseStatusAtClient(t *testing.T) {
	for _, test := range closeStatuses {
		answered := make(chan error, 1)
		h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, err := (&websocket.Upgrader{Subprotocols: []string{ws.Subprotocol}}).Upgrade(w, r, nil)
			if err == nil {
				defer conn.Close()
				if err = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(test.status, "why"), time.Time{}); err == nil {
					_, _, err = conn.ReadMessage()
				}
			}
			answered <- err
		}))
		client, err := ws.Dial(context.Background(), url(h), nil)
		if err != nil {
			t.Fatal(err)
		}
		err = client.Receive(func(int, []byte) error { return errors.New("something was delivered") })
		checkClosed(t, err, test.status, test.client)
		var told *websocket.CloseError
		if err := <-answered; !errors.As(err, &told) || told.Code != test.status {
			t.Errorf("status %d was answered with %v", test.status, err)
		}
		h.Close()
	}
}

// Code and reason reach a peer that is in the middle of sending much.
func TestCloseWhileReceiving(t *testing.T) {
	p := rawPeer(t)
	flood := make(chan struct{})
	go func() {
		defer close(flood)
		for b := message(frame.MaxPayload); p.WriteMessage(binaryMessage, b) == nil; {
		}
	}()
	p.next(t)
	go func() {
		for range p.got {
		}
	}()
	p.server.Close(twinwire.SlowConsumer, "enough")
	var told *websocket.CloseError
	if _, _, err := p.ReadMessage(); !errors.As(err, &told) || told.Text != "enough" {
		t.Errorf("peer was told %v", err)
	}
	_ = p.Conn.Close()
	<-flood
	<-p.received
	close(p.got)
}

// A connection that counts its writes.
type counted struct {
	net.Conn
	writes chan int
}

func (c *counted) Write(b []byte) (int, error) {
	c.writes <- len(b)
	return c.Conn.Write(b)
}

// A Send is one write to the connection, whatever its size, masked too.
func TestOneWrite(t *testing.T) {
	s := listen(t, false)
	conn := &counted{writes: make(chan int, 10)}
	client, err := ws.Dial(context.Background(), s.url, &ws.Options{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			conn.Conn = c
			return conn, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := <-s.accepted
	for len(conn.writes) > 0 {
		<-conn.writes
	}
	for _, size := range []int{0, 100, 200, 2000, 2040, frame.MaxPayload} {
		b := message(size)
		for len(b) < frame.MaxBatch-4*size-100 && size == frame.MaxPayload {
			b = append(b, message(size)...)
		}
		if err := client.Send(0, b); err != nil {
			t.Fatal(err)
		}
		if n := <-conn.writes; n < len(b) || len(conn.writes) > 0 {
			t.Errorf("batch of %d bytes: first write has %d, %d more follow", len(b), n, len(conn.writes))
		}
	}
	client.Close(0, "")
	server.Close(0, "")
}

// What the handshake refuses, and in which words.
func TestUpgradeRefuses(t *testing.T) {
	s := listen(t, false)
	host := strings.TrimSuffix(strings.TrimPrefix(s.url, "ws://"), ws.Path)
	for name, test := range map[string]struct {
		header http.Header
		protos []string
		status int
		text   string
	}{
		"NoSubprotocol":    {status: 400, text: ws.Subprotocol},
		"OtherSubprotocol": {protos: []string{"graphql-ws"}, status: 400, text: ws.Subprotocol},
		"Origin":           {protos: []string{ws.Subprotocol}, header: http.Header{"Origin": {"http://evil.example"}}, status: 403, text: "origin"},
		"SameOrigin":       {protos: []string{"x", ws.Subprotocol}, header: http.Header{"Origin": {"http://" + host}}, status: 101},
		"NoOrigin":         {protos: []string{ws.Subprotocol}, status: 101},
	} {
		d := websocket.Dialer{Subprotocols: test.protos}
		conn, resp, err := d.Dial(s.url, test.header)
		if resp == nil {
			t.Fatal(err)
		}
		body := make([]byte, 200)
		n, _ := resp.Body.Read(body)
		if resp.StatusCode != test.status || !strings.Contains(string(body[:n]), test.text) {
			t.Errorf("%s: status %d %q, want %d and %q", name, resp.StatusCode, body[:n], test.status, test.text)
		}
		if err == nil {
			(<-s.accepted).Close(0, "")
			_ = conn.Close()
		}
	}
	// A plain request is answered in HTTP.
	resp, err := http.Get("http" + strings.TrimPrefix(s.url, "ws"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("plain request: status %d", resp.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestSameOrigin(t *testing.T) {
	for _, test := range []struct {
		origin, host      string
		tls, cookie, want bool
	}{
		{"", "example.com", true, false, true},
		{"", "example.com", true, true, false},
		{"null", "example.com", true, false, false},
		{"https://example.com", "example.com", true, true, true},
		{"https://example.com", "example.com:443", true, false, true},
		{"https://example.com:443", "example.com", true, false, true},
		{"https://EXAMPLE.com", "example.COM", true, false, true},
		{"https://example.com:8443", "example.com:8443", true, false, true},
		{"https://example.com:8443", "example.com", true, false, false},
		{"https://example.com", "example.com:8443", true, false, false},
		{"http://example.com", "example.com", true, false, false},
		{"https://example.com", "example.com", false, false, false},
		{"http://example.com", "example.com", false, false, true},
		{"http://example.com", "example.com:443", false, false, false},
		{"https://evil.com", "example.com", true, false, false},
		{"https://sub.example.com", "example.com", true, false, false},
		{"https://example.com.evil.com", "example.com", true, false, false},
		{"https://example.com.", "example.com", true, false, false},
		{"https://example.com@evil.com", "example.com", true, false, false},
		{"https://user@example.com", "example.com", true, false, false},
		{"https://example.com/", "example.com", true, false, false},
		{"https://example.com?x", "example.com", true, false, false},
		{"https:example.com", "example.com", true, false, false},
		{"https://[::1]:8443", "[::1]:8443", true, false, true},
		{"https://[::1]", "[::1]", true, false, true},
		{"https://", "", true, false, false},
		{"chrome-extension://abc", "abc", true, false, false},
	} {
		r := &http.Request{Host: test.host, Header: http.Header{}}
		if test.tls {
			r.TLS = new(tls.ConnectionState)
		}
		if test.origin != "" {
			r.Header.Set("Origin", test.origin)
		}
		if test.cookie {
			r.Header.Set("Cookie", "a=b")
		}
		if got := ws.SameOrigin(r); got != test.want {
			t.Errorf("SameOrigin(%+v) = %v", test, got)
		}
	}
	two := &http.Request{Host: "a", Header: http.Header{"Origin": {"http://a", "http://a"}}}
	if ws.SameOrigin(two) {
		t.Error("two origins are welcome")
	}
}
