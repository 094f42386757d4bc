package machine

import (
	"testing"

	"github.com/twinwire/twinwire/frame"
)

// carry delivers what one side has to send in lane 0 to the other.
func carry(t *testing.T, from, to *Machine) []RenewalIn {
	t.Helper()
	var eff Effects
	if err := to.Receive(0, from.Batch(0, 0, nil), 0, &eff); err != nil {
		t.Fatal(err)
	}
	return eff.Renewal
}

// Clause 15.8: HELLO, CHALLENGE, PROOF, WELCOME or REFUSE, and again.
func TestRenewal(t *testing.T) {
	for _, lanes := range []bool{false, true} {
		client, server := New(testConfig(true, lanes), 0), New(testConfig(false, lanes), 0)
		want := func(got []RenewalIn, kind frame.Kind, payload string) {
			t.Helper()
			if len(got) != 1 || got[0].Kind != kind || string(got[0].Payload) != payload {
				t.Fatalf("%+v has arrived, want %v of %q", got, kind, payload)
			}
		}
		for range 2 {
			if !client.Renew([]byte("mine")) || client.Renew([]byte("mine")) {
				t.Fatal("Renew does not take one, and one only")
			}
			want(carry(t, client, server), frame.Hello, "mine")
			if client.Prove([]byte("early")); client.Ready(0) {
				t.Error("a client proves without a challenge")
			}
			if !server.Challenge([]byte("who")) || server.Challenge([]byte("who")) {
				t.Fatal("Challenge does not take one, and one only")
			}
			want(carry(t, server, client), frame.Challenge, "who")
			client.Prove([]byte("me"))
			want(carry(t, client, server), frame.Proof, "me")
			server.Renewed([]byte("well"), 0, 0, "")
			want(carry(t, server, client), frame.Welcome, "well")
		}
		client.Renew(nil)
		carry(t, client, server)
		server.Renewed(nil, 3, frame.WantAuth, "no")
		got := carry(t, server, client)
		if len(got) != 1 || got[0].Kind != frame.Refuse || got[0].Code != 3 || got[0].Flags != frame.WantAuth || string(got[0].Reason) != "no" {
			t.Errorf("%+v has arrived, want a refusal", got)
		}
		if server.Renewed(nil, 0, 0, ""); server.Ready(0) {
			t.Error("a server answers twice")
		}
	}
}

// A renewal is over when its carrier is.
func TestRenewalOfAnotherCarrier(t *testing.T) {
	cfg := testConfig(true, false)
	cfg.Retention = 1 << 20
	client := New(cfg, 0)
	client.Renew([]byte("old"))
	client.Detach()
	if client.Renew(nil) {
		t.Error("a HELLO is taken without a carrier")
	}
	var eff Effects
	if err := client.Rebind(&Binding{Generation: 2, Heartbeat: cfg.Heartbeat}, 0, &eff); err != nil {
		t.Fatal(err)
	}
	client.Batch(0, 0, nil)
	if !client.Renew([]byte("new")) {
		t.Error("the renewal of the carrier before is under way still")
	}
}
