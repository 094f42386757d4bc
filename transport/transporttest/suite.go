// Package transporttest is the conformance suite of carriers. It says in code
// what the documentation of transport.Carrier says in words; every carrier
// passes it:
//
//	func TestCarrier(t *testing.T) {
//		transporttest.TestCarrier(t, func(t *testing.T, o transporttest.Options) *transporttest.Pair {
//			...
//		})
//	}
//
// What only one wire can do, such as a peer that speaks that wire badly, is
// tested by the carrier's own package.
package transporttest

import (
	"fmt"
	"runtime/debug"
	"testing"
	"time"

	"github.com/twinwire/twinwire/transport"
)

// watchdog is how long a subtest may take. Nothing waits for it but a failure.
const watchdog = 60 * time.Second

// Options are what a test wants of a pair.
type Options struct {
	// SendTimeout is the send timeout of both carriers; zero means their
	// default.
	SendTimeout time.Duration
	// Loss is how long the carriers may take to notice that their peer has
	// vanished, where the wire itself does not say so; zero means their
	// default.
	Loss time.Duration
}

// A Pair is a connected client and server.
type Pair struct {
	Client, Server transport.Carrier
	// Vanish makes the client disappear without a goodbye. The server must
	// notice within Options.Loss.
	Vanish func()
	// Stop closes both and frees what belongs to them. It is called once, and
	// when it has returned nothing of the pair may be left: no goroutine, no
	// file descriptor.
	Stop func()
}

// MakePair makes a new pair. It calls t.Fatal if it cannot.
type MakePair func(t *testing.T, o Options) *Pair

// TestCarrier runs the suite. It must not run beside other tests of its
// process: it counts goroutines and file descriptors.
func TestCarrier(t *testing.T, pair MakePair) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, pair MakePair)
	}{
		{"Info", testInfo},
		{"Order", testOrder},
		{"BeforeReceive", testBeforeReceive},
		{"ManyFrames", testManyFrames},
		{"Sizes", testSizes},
		{"BadSizes", testBadSizes},
		{"BadLanes", testBadLanes},
		{"BadLength", testBadLength},
		{"BadOpening", testBadOpening},
		{"Independence", testIndependence},
		{"ConcurrentSenders", testConcurrentSenders},
		{"Close", testClose},
		{"CloseBeforeReceive", testCloseBeforeReceive},
		{"CloseOnce", testCloseOnce},
		{"CloseStorm", testCloseStorm},
		{"DeliverFails", testDeliverFails},
		{"CloseInDeliver", testCloseInDeliver},
		{"DeliverReturnsFirst", testDeliverReturnsFirst},
		{"ReceiveTwice", testReceiveTwice},
		{"Handover", testHandover},
		{"Lull", testLull},
		{"LullSends", testLullSends},
		{"Vanish", testVanish},
		{"SendTimeout", testSendTimeout},
		{"CloseUnblocksSend", testCloseUnblocksSend},
		{"Leaks", testLeaks},
	} {
		t.Run(test.name, func(t *testing.T) {
			dog := time.AfterFunc(watchdog, func() {
				debug.SetTraceback("all")
				panic(fmt.Sprintf("%s: still running after %v", t.Name(), watchdog))
			})
			defer dog.Stop()
			test.run(t, pair)
		})
	}
}

// start makes a pair that ends with the test.
func start(t *testing.T, pair MakePair, o Options) *Pair {
	t.Helper()
	p := pair(t, o)
	t.Cleanup(p.Stop)
	return p
}
