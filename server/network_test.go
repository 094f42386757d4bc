package server_test

import (
	"testing"
	"time"

	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
)

// changes returns when a session has lost its carrier, found another or ended
// since it began.
func changes(s *core.Session) func() []core.Change {
	var all []core.Change
	seen := make(chan core.Change, 100)
	go func() { // ends with the session
		for c := range s.Lifecycle(s.Context()) {
			seen <- c
		}
	}()
	<-seen // where it is now
	return func() []core.Change {
		for {
			select {
			case c := <-seen:
				if c.Phase == core.Detached || c.Phase == core.Resumed || c.Phase == core.Ended {
					all = append(all, c)
				}
			default:
				return all
			}
		}
	}
}

// A NAT forgets a QUIC connection under calls and streams, again and again: the
// same carrier goes on.
func TestRoamRebinding(t *testing.T) {
	tr, r := disturbed(t, "quic://")
	changed := changes(tr.s)
	tr.begin(8)
	for range 10 {
		tr.some(50)
		r.rebind()
	}
	tr.some(100)
	tr.end()
	if all := changed(); len(all) > 0 {
		t.Errorf("the session changed: %v", all)
	}
}

// The application says that the network has changed: a QUIC connection goes on
// from another address, and calls and streams do not notice.
func TestRoamNetworkChanged(t *testing.T) {
	tr, r := disturbed(t, "quic://")
	changed := changes(tr.s)
	tr.begin(8)
	for i := range 5 {
		tr.some(50)
		tr.s.NetworkChanged()
		eventually(t, func() bool { return r.clients() == i+2 })
	}
	tr.some(100)
	tr.end()
	if all := changed(); len(all) > 0 {
		t.Errorf("the session changed: %v", all)
	}
}

// A WebSocket that leads nowhere is given up as soon as the application says
// that the network has changed, and not at the second heartbeat.
func TestNetworkChangedOnWebSocket(t *testing.T) {
	tr, r := disturbed(t, "wss://")
	changed := changes(tr.s)
	var n codec.Value[int64]
	if err := tr.s.Call(t.Context(), "traffic.Count", n, &n); err != nil { // the server knows the session
		t.Fatal(err)
	}
	r.freeze()
	began := time.Now()
	for range 100 { // more often than a peer may be asked
		tr.s.NetworkChanged()
	}
	eventually(t, func() bool { return len(changed()) == 2 })
	if all := changed(); all[0].Phase != core.Detached || all[1].Phase != core.Resumed {
		t.Errorf("the session changed: %v", all)
	}
	if took := time.Since(began); took > 5*time.Second && !raceEnabled {
		t.Errorf("it took %v", took)
	}
	// One that is alive stays.
	for range 100 {
		tr.s.NetworkChanged()
	}
	if err := tr.s.Call(t.Context(), "traffic.Count", n, &n); err != nil {
		t.Error(err)
	}
	if all := changed(); len(all) != 2 {
		t.Errorf("the session changed again: %v", all)
	}
}

// Who waits to dial again does not wait any longer.
func TestNetworkChangedWhileAway(t *testing.T) {
	e := start(t, "wss://", "")
	e.serve(service())
	r := newRoad(t, e.ln.Addr())
	s, err := client.Dial(t.Context(), "wss://"+r.addr(), &client.Options{
		Pins: e.dev.Pins(), Reconnect: &client.Reconnect{First: time.Hour, Most: time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	changed := changes(s)
	var v codec.Value[string]
	if err := s.Call(t.Context(), "test.Echo", text("hello"), &v); err != nil { // the server knows the session
		t.Fatal(err)
	}
	r.block(false, true)
	r.cut()
	eventually(t, func() bool { return r.refusals() > 0 })
	r.block(false, false)
	// The dial that was refused may not have noticed yet.
	eventually(t, func() bool {
		s.NetworkChanged()
		return len(changed()) == 2
	})
	if err := s.Call(t.Context(), "test.Echo", text("here"), &v); err != nil || v.V != "here" {
		t.Errorf("Echo = %q, %v", v.V, err)
	}
}
