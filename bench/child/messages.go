// Package child runs the server and the client of a peer in processes of their
// own, and lets the parent direct them.
//
// A child is the same program, started again with a role. It reads one Request
// a line from its standard input and answers each with one Reply a line on its
// standard output. It ends when its standard input does, so no child outlives
// its parent, however that ends. An interrupt from the terminal, which reaches
// children too, is the parent's to act on: children ignore it.
package child

import (
	"time"

	"github.com/twinwire/twinwire/bench/load"
	"github.com/twinwire/twinwire/bench/peer"
)

// A Role is what a child does.
type Role string

const (
	// Server serves the peer and publishes events.
	Server Role = "server"
	// Client dials the peer's server, makes calls and receives events.
	Client Role = "client"
)

// A Verb is what a child is asked to do.
type Verb string

const (
	// Listen starts the server at the IP address Addr, or at 127.0.0.1, and
	// answers with Addr and Certificate.
	Listen Verb = "listen"
	// Memory settles the server's memory, and answers with Memory.
	Memory Verb = "memory"
	// Publish lets the server publish events to all subscribers, one each
	// Interval, or as fast as they are delivered if that is 0, and at most
	// Window that have not reached every subscriber.
	Publish Verb = "publish"
	// PublishTopics lets the server publish Rate events a second on so many Topics
	// in turn, whether they arrive or not.
	PublishTopics Verb = "publish-topics"
	// Quiet ends what Publish began, after every event has arrived, and what
	// PublishTopics began at once.
	Quiet Verb = "quiet"

	// Dial opens Conns more connections to Addr. With Subscribe they receive
	// events; all of a child's connections do, or none. With Topics it is one
	// connection, which receives the events of those. With Streams they can
	// carry streams, with Large calls of 1 MiB.
	Dial Verb = "dial"
	// Call starts PerConn callers on every connection. Their payloads have Size
	// bytes, or load.PayloadSize if that is 0. With a Rate they make so many
	// calls a second together, each at its time.
	Call Verb = "call"
	// Transfer keeps Parallel streams of Size bytes under way on the first
	// connection, down from the server if Down is set. Calls may run beside
	// them.
	Transfer Verb = "transfer"
	// Send sends messages on the first connection, or values if Values is set: of
	// Size bytes, or peer.ItemSize if that is 0, and Rate a second, or as fast as
	// it goes.
	Send Verb = "send"
	// Stop ends what Call, Transfer and Send began. Streams get to their end.
	Stop Verb = "stop"

	// Arrived answers with what Mark says of topics, but leaves the times alone.
	Arrived Verb = "arrived"

	// Mark is for both roles: it answers with Mark, what happened since the
	// process began and the times since the last mark.
	Mark Verb = "mark"
)

// A Request is one thing to do, with the fields that its verb names.
type Request struct {
	Do          Verb          `json:"do"`
	Interval    time.Duration `json:"interval,omitempty"`
	Window      int           `json:"window,omitempty"`
	Addr        string        `json:"addr,omitempty"`
	Certificate []byte        `json:"certificate,omitempty"`
	Conns       int           `json:"conns,omitempty"`
	PerConn     int           `json:"perConn,omitempty"`
	Rate        int           `json:"rate,omitempty"`
	Subscribe   bool          `json:"subscribe,omitempty"`
	Topics      int           `json:"topics,omitempty"`
	Streams     bool          `json:"streams,omitempty"`
	Large       bool          `json:"large,omitempty"`
	Parallel    int           `json:"parallel,omitempty"`
	Size        int           `json:"size,omitempty"`
	Down        bool          `json:"down,omitempty"`
	Values      bool          `json:"values,omitempty"`
}

// A Reply answers a Request. With an Error the rest is empty.
type Reply struct {
	Error       string     `json:"error,omitempty"`
	Addr        string     `json:"addr,omitempty"`
	Certificate []byte     `json:"certificate,omitempty"`
	Mark        MarkReply  `json:"mark,omitzero"`
	Memory      MemoryInfo `json:"memory,omitzero"`
}

// MarkReply is what a process has done so far.
type MarkReply struct {
	Uptime  time.Duration `json:"uptime"`         // since the process began
	CPU     time.Duration `json:"cpu"`            // user and system, of all threads
	Mallocs uint64        `json:"mallocs"`        // heap objects allocated
	Count   uint64        `json:"count"`          // a client's answered calls or delivered events
	Items   uint64        `json:"items"`          // values and messages: sent by a client, handled by a server
	Bytes   uint64        `json:"bytes"`          // received of streams
	Latency load.Latency  `json:"latency"`        // a client's, since its last mark
	First   time.Time     `json:"first,omitzero"` // when the first of those was answered, of calls with a rate
	Wire    peer.Wire     `json:"wire"`           // of a client's first connection, if that knows

	// Of topics: what a server has published, and what a client has received
	// and has not although something later has come, with the times since its
	// last mark.
	Published    uint64       `json:"published"`
	Received     uint64       `json:"received"`
	Lost         uint64       `json:"lost"`
	TopicLatency load.Latency `json:"topicLatency"`
}

// MemoryInfo is what a process holds.
type MemoryInfo struct {
	Resident   uint64 `json:"resident"` // bytes
	Heap       uint64 `json:"heap"`     // bytes of live objects
	Stacks     uint64 `json:"stacks"`   // bytes
	Goroutines int    `json:"goroutines"`
}
