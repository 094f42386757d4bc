package zoo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport"
	"github.com/twinwire/twinwire/transport/ws"
)

var pageOnly = []string{"webtransport"}

// pageRows are what requests for WebTransport and WebSocket are open to, and
// who says nothing when they are through.
func pageRows() []row {
	return []row{
		{name: "requests of other pages", wires: pageOnly, attack: func(ctx context.Context, y *yard, _ string, _ *atomic.Int64) error {
			for _, origin := range []string{"https://evil.example", "null", "", "https://" + y.addr + ".evil.example", "https://127.0.0.1:1", "https://" + y.addr + "\x00"} {
				if err := y.unwelcome(ws.Path, http.Header{"Origin": {origin}}); err != nil {
					return fmt.Errorf("origin %q: %w", origin, err)
				}
			}
			return nil
		}},
		{name: "requests that are none", wires: pageOnly, attack: func(ctx context.Context, y *yard, _ string, _ *atomic.Int64) error {
			own := http.Header{"Origin": {"https://" + y.addr}}
			for _, path := range []string{"/", "/twinwire/", "/twinwire/../twinwire", "/twinwire%00", "//twinwire", "/" + strings.Repeat("x", 8<<10)} {
				if err := y.unwelcome(path, own); err != nil {
					return fmt.Errorf("path %.40q: %w", path, err)
				}
			}
			large := own.Clone()
			large.Set("X", strings.Repeat("x", 64<<10))
			return y.unwelcome(ws.Path, large)
		}},
		{name: "silent when they are through", wires: pageOnly, attack: func(ctx context.Context, y *yard, wire string, sent *atomic.Int64) error {
			var peers []*peer
			defer func() {
				for _, p := range peers {
					p.leave()
				}
			}()
			for range 10 {
				p, err := y.peer(wire, sent, false)
				if err != nil {
					return err
				}
				peers = append(peers, p)
			}
			for _, p := range peers {
				if err := p.refused(); err != nil {
					return err
				}
			}
			return nil
		}, check: reached("handshake time")},
		// A frame that never ends is no sign of life.
		{name: "slow bytes in a session", wires: tcpOnly, attack: func(ctx context.Context, y *yard, _ string, sent *atomic.Int64) error {
			c, err := y.upgraded()
			if err != nil {
				return err
			}
			hello := frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: helloOf(nil, 0)})
			attach := frame.Append(nil, &frame.Frame{Kind: frame.Attach, Flags: frame.AllLanes, ID: 1})
			for _, b := range [][]byte{hello, attach} {
				message := append([]byte{0x82, 0xfe, byte(len(b) >> 8), byte(len(b)), 0, 0, 0, 0}, b...)
				if _, err := c.Write(message); err != nil {
					return err
				}
				if &b[0] == &hello[0] {
					_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
					if _, err := c.Read(make([]byte, 4096)); err != nil { // WELCOME
						return err
					}
					_ = c.SetReadDeadline(time.Time{})
				}
			}
			return slowly(c, append([]byte{0x82, 0xfe, 0x10, 0x00, 0, 0, 0, 0}, make([]byte, 4096)...), sent)
		}},
		{name: "slow bytes in a session", wires: quicOnly, attack: with(func(_ context.Context, p *peer) error {
			slow := append([]byte{0x44, 0x00, 0x02}, make([]byte, 1<<10)...)
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for i := range slow {
				select {
				case <-tick.C:
					if p.write(0, slow[i:i+1]) != nil {
						return nil
					}
				case err := <-p.ended:
					p.ended <- err
					return nil
				}
			}
			return errors.New("the server takes one byte after another for ever")
		})},
		{name: "a PROXY header of a stranger", wires: tcpOnly, attack: func(ctx context.Context, y *yard, _ string, sent *atomic.Int64) error {
			for _, header := range []string{
				"PROXY TCP4 10.0.0.1 127.0.0.1 1 2\r\n",
				"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x0a\x00\x00\x01\x7f\x00\x00\x01\x00\x01\x00\x02",
			} {
				c, err := y.dialTCP(ctx)
				if err != nil {
					return err
				}
				sent.Add(int64(len(header)))
				_, _ = c.Write([]byte(header))
				_ = c.SetReadDeadline(time.Now().Add(8 * time.Second))
				b := make([]byte, 16)
				n, err := c.Read(b)
				for err == nil && n > 0 && b[0] == 0x15 { // an alert, and then the end
					n, err = c.Read(b)
				}
				_ = c.Close()
				if err == nil || isTimeout(err) {
					return fmt.Errorf("%.20q was taken", header)
				}
			}
			return nil
		}},
	}
}

// unwelcome returns nil if a request for WebTransport is refused: with a status,
// or with a session that is closed at once, which tells a page why.
func (y *yard) unwelcome(path string, header http.Header) error {
	ctx, cancel := y.patiently()
	defer cancel()
	c, err := y.dialPage(ctx, path, header)
	if err == nil {
		defer c.Close(0, "")
		_ = c.Send(0, frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: helloOf(nil, 0)}))
		err = c.Receive(func(int, []byte) error { return errors.New("it is answered") })
		var told *transport.CloseError
		if !errors.As(err, &told) || !told.Remote || told.Code != twinwire.PermissionDenied {
			return fmt.Errorf("a session was begun: %w", err)
		}
	}
	if ctx.Err() != nil {
		return errors.New("no answer")
	}
	return nil
}
