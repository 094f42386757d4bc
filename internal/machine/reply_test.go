package machine

import (
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// An acknowledgement and a rejection that say no more than their code are 14
// bytes at most, also after a million calls (clauses 2.6 and 6.7), of which the
// last few are made here.
func TestBareReply(t *testing.T) {
	const million, calls = 1_000_000, 200
	client, server := New(testConfig(true, true), 0), New(testConfig(false, true), 0)
	ln := client.role.call
	buf, back := make([]byte, 0, 64<<10), make([]byte, 0, 64<<10)
	var eff Effects
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(server.Receive(0, client.Batch(0, 0, buf), 0, &eff))
	for _, m := range []*Machine{client, server} {
		l := &m.lanes[ln]
		l.sent, l.acked, l.next, l.owedSince = million, million, million, million
		m.out.nextID, m.in.lastID = million, million
	}
	c := &Call{Method: "test.Note"}
	codes := []twinwire.Code{twinwire.Accepted, twinwire.Rejected, 63, 64, twinwire.FirstApplicationCode, twinwire.MaxCode}
	longest := 0
	for i := range calls {
		must(client.Start(c))
		eff.Reset()
		must(server.Receive(ln, client.Batch(ln, 0, buf), 0, &eff))
		client.Sent()
		code := codes[i%len(codes)]
		server.Reply(eff.Start[0], uint16(code), Rejection("", nil), nil)
		b := server.Batch(ln, 0, back)
		server.Sent()
		eff.Reset()
		must(client.Receive(ln, b, 0, &eff))
		if len(eff.Done) != 1 || c.Code != code || len(c.Reply) != 0 {
			t.Fatalf("call %d: %d ended, with %v and %d bytes", i, len(eff.Done), c.Code, len(c.Reply))
		}
		for len(b) > 0 {
			var f frame.Frame
			n, err := f.Parse(b)
			must(err)
			if f.Kind == frame.Reply {
				longest = max(longest, n)
				if f.Seq < million || f.ID <= million || f.Code != uint16(code) {
					t.Fatalf("reply %d to call %d with code %d", f.Seq, f.ID, f.Code)
				}
			}
			b = b[n:]
		}
	}
	if longest == 0 || longest > 14 {
		t.Errorf("bare replies of up to %d bytes, want at most 14", longest)
	}
	t.Logf("bare replies of up to %d bytes", longest)
}
