package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/twinwire/twinwire/bench/peer"
)

// crossed is what a run across networks has found.
func crossed() *Report {
	r := &Report{Settings: Settings{Networks: true}}
	ws := peer.Info{Name: "twinwire-wss", Wire: peer.TLS, Kind: peer.Subject}
	quic := peer.Info{Name: "twinwire-quic", Wire: peer.QUIC, Kind: peer.Subject}
	gorilla := peer.Info{Name: "bare-gorilla", Wire: peer.TLS, Kind: peer.Bare}
	quicGo := peer.Info{Name: "bare-quic-go", Wire: peer.QUIC, Kind: peer.Bare}
	near := "10mbit-20ms-0%"
	r.Add(ws, BesideTransfer+near, 1, Values{NetP99: 50, NetRate: 9})
	r.Add(quic, BesideTransfer+near, 1, Values{NetP99: 80, NetRate: 8.5})
	r.Add(ws, OnTopics+near, 1, Values{NetP99: 30, NetLost: 0})
	r.Add(quic, OnTopics+near, 1, Values{NetP99: 12, NetLost: 2})
	r.Add(ws, BesideMessages+lossy, 1, Values{NetP99: 300})
	r.Add(quic, BesideMessages+lossy, 1, Values{NetP99: 149})
	r.Add(gorilla, BesideMessages+lossy, 1, Values{NetP99: 700})
	r.Add(ws, Bulk+bulkLossy, 1, Values{NetRate: 3.5})
	r.Add(peer.Info{Name: "twinwire-wss-bbr-twin", Wire: peer.TLSBBR, Kind: peer.Subject}, Bulk+near, 1, Values{NetRate: 9.5})
	r.Add(quic, Bulk+near, 1, Values{NetRate: 8})
	r.Add(quic, Bulk+bulkLossy, 1, Values{NetRate: 4})
	r.Add(gorilla, Bulk+bulkLossy, 1, Values{NetRate: 3.5})
	r.Add(quicGo, Bulk+bulkLossy, 1, Values{NetRate: 5})
	r.Finish()
	return r
}

func TestNetworkBars(t *testing.T) {
	want := map[string]Verdict{
		"quic: calls beside five messages of 64 KiB a second at 2 % loss, p99 in ms: at most 150":                 Pass,
		"tls: calls beside five messages of 64 KiB a second at 2 % loss, p99: at most 0.5 x the bare library":     Pass,
		"tls-bbr: calls beside five messages of 64 KiB a second at 2 % loss, p99: at most 0.6 x the bare library": NotMeasured,
		"both: a transfer at 1 % loss, Mbit/s: the better wire at least 0.9 x the better bare library":            Fail,
		"tls: events on 50 topics: none is lost on any network":                                                   Pass,
		"quic: events on 50 topics: none is lost on any network":                                                  Fail,
		"quic: events while the link is cut: none is lost":                                                        NotMeasured,
		"quic: calls beside two streams to the server at 10 Mbit/s, p99 in ms: at most 300":                       NotMeasured,
		"tls: calls beside five messages of 64 KiB a second without loss, p99 in ms: at most 55":                  NotMeasured,
		"tls-bbr: a transfer at 1 % loss, Mbit/s (8.5 MB/s): at least 68":                                         NotMeasured,
		"quic: the streams from the server, what they keep of their rate: at least 0.9":                           NotMeasured,
	}
	for _, b := range crossed().Bars {
		name := string(b.Wire) + ": " + b.Name
		if v, ok := want[name]; ok && b.Verdict != v {
			t.Errorf("%s: %s (%s), want %s", name, b.Verdict, b.Detail, v)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("no bar %q", name)
	}
}

// A wire wins if it is better by a tenth: less for times, more for rates.
func TestWins(t *testing.T) {
	r := crossed()
	if len(r.Wins) != 2 || r.Wins[0].Network != "10mbit-20ms-0%" || r.Wins[0].WebSocket != 50 || r.Wins[0].QUIC != 80 {
		t.Errorf("%+v, want the calls", r.Wins)
	}
	const want = "WebSocket wins over QUIC by a tenth or more in these cases: p99 of calls beside a transfer at 10mbit-20ms-0% (50 against 80 ms); " +
		"a transfer alone with BBR at 10mbit-20ms-0% (9.5 against 8.0 Mbit/s)."
	if got := r.WinsText(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := new(Report).WinsText(); !strings.Contains(got, "in no case") {
		t.Errorf("without wins: %q", got)
	}
}

// Workloads that differ in their network share a table, whose rows say which
// they are of.
func TestLabels(t *testing.T) {
	r := crossed()
	s := Section{Title: "calls", Workloads: []string{BesideTransfer + "10mbit-20ms-0%", BesideMessages + lossy}, Labels: []string{"near", "far"}}
	var b bytes.Buffer
	if err := r.WriteText(&b, []Section{s}); err != nil {
		t.Fatal(err)
	}
	table := r.Table(s)
	if len(table) != 7 || table[3] != nil || table[1][0] != "near" || table[1][1] != "twinwire-wss" || table[4][0] != "far" || table[6][1] != "twinwire-quic" {
		t.Errorf("table %q", table)
	}
	for _, want := range []string{"bad networks", "WebSocket wins over QUIC", "near"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	if strings.Contains(b.String(), "loopback") {
		t.Errorf("it is not about loopback:\n%s", &b)
	}
}
