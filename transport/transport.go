// Package transport says what a carrier is: one live connection over one
// wire, that carries batches of frames and nothing more. It knows no session,
// no call and no topic; it resumes nothing and retries nothing.
//
// # What a carrier promises
//
// Whole frames, in order within a lane, each at most once, or an error that
// ends the carrier. It promises nothing about what was in flight when it
// ended: sequence numbers, acknowledgements and replay belong to the session
// (docs/protocol.md, clause 1.1).
//
// A carrier whose lanes are independent (Info.Independent) gives each lane a
// flow of its own: a lane that stalls, in the network or because the peer does
// not read, does not stall another. On such a carrier the client opens lanes:
// its first Send on a lane does, and that batch must begin with the frame
// that binds the lane (clauses 4.4 and 4.5). On any other carrier all lanes
// share one pipe, in the order of the calls of Send.
//
// The suite in transporttest defines what is correct; every carrier passes it.
package transport

import (
	"context"
	"errors"
	"time"

	"github.com/twinwire/twinwire"
)

// A Carrier is one live connection over one wire. Its methods may be called
// from several goroutines at once.
type Carrier interface {
	// Send hands one batch of whole frames of one lane to the wire. On a
	// carrier that is one pipe the batch may hold frames of any lanes, and
	// lane is 0. It blocks until the wire has taken the batch and the caller
	// may use it again, or until the carrier's send timeout has passed, which
	// ends the carrier. It returns ErrLane where the lane cannot be used, and
	// after the end the error that ended the carrier. A batch over
	// frame.MaxBatch is refused with ErrBatch and changes nothing.
	Send(lane int, batch []byte) error

	// Receive reads until the carrier ends and gives what arrives to deliver,
	// one or more whole frames at a time; their headers are not checked beyond
	// their length. It calls deliver in order for one lane, and from several
	// goroutines at once for several independent lanes. The frames are valid
	// until deliver returns. On a carrier that is one pipe lane is 0. If
	// deliver returns an error the carrier ends: with its code and text if it
	// is a *CloseError, with ProtocolError otherwise. Receive returns what
	// ended the carrier, never nil, and not before all calls of deliver have
	// returned. It must be called exactly once; until it is, nothing is read.
	Receive(deliver func(lane int, frames []byte) error) error

	// Close ends the carrier at once and tells the peer the code and the
	// reason as the wire can (clause 10). What was sent and has not arrived
	// may be lost: a session that has something to lose says goodbye first
	// (clause 8.2). Close does not wait for the peer, unblocks Send and
	// Receive, and may be called any number of times; only the first counts.
	Close(code twinwire.Code, reason string)

	// Info describes the carrier. It does not change.
	Info() Info
}

// A Handover is a carrier whose receiving can go on in another goroutine while
// deliver runs: for who serves what is delivered in deliver itself, because that
// is fastest, and finds that it takes time.
type Handover interface {
	Carrier

	// Handover returns a function that goes on receiving, in the goroutine that
	// calls it, behind what is being delivered of a lane. It is called while a
	// call of deliver runs, which must return ErrHandedOver in the end, or end
	// its goroutine; what that was given stays as it is until then. On a carrier
	// that is one pipe, the function returns what Receive would, and the Receive
	// that made the call returns ErrHandedOver and does not end the carrier.
	// Where lanes are independent, the function goes on with the one lane and
	// returns nil when that has ended, and it is still Receive that says why the
	// carrier has; it does not wait for the call.
	Handover(lane int, deliver func(lane int, frames []byte) error) (receive func() error)
}

// A Mover is a carrier that can go on over another path of the network, from
// another address of this machine, without a frame's noticing.
type Mover interface {
	Carrier

	// Move looks for another path to the peer and goes on there once the peer
	// has answered on it. It returns when the carrier runs on that path, or an
	// error, which leaves the carrier where it is: the context's, the one that
	// ended the carrier, or why there is no other path. It may be called while
	// frames are sent and received.
	Move(ctx context.Context) error
}

// A Prompt is a carrier that can tell when sending to it does not wait: then
// the goroutine that has something to send does so itself.
type Prompt interface {
	Carrier

	// Prompt reports whether a Send to the lane would return without waiting
	// for the network, if nobody else sends to it meanwhile.
	Prompt(lane int) bool

	// Await returns when that is so, or the carrier has ended: who decides what
	// to send after it, lets what is urgent overtake what is not.
	Await(lane int)
}

// A Sent is a carrier that can tell when what it took has left: what has not can
// no longer be overtaken either.
type Sent interface {
	Prompt

	// AwaitSent is Await until most of what was sent before has left, too. It
	// returns early for others that send.
	AwaitSent(lane int)
}

// A Lull is a carrier that can tell when all that has arrived is delivered: then
// what is to be sent for it leaves together.
type Lull interface {
	Carrier

	// OnLull has f called after every delivery, or after several if they had all
	// arrived, before receiving waits for more, by the goroutine that receives. It
	// may send, and reports whether anything was sent for what was delivered.
	// OnLull is called before Receive, and reports whether f will be called at all.
	OnLull(f func() bool) bool
}

// Info describes a carrier.
type Info struct {
	// Wire names the wire: "websocket", "quic" or "mem".
	Wire string
	// Independent says that lanes are independent of each other.
	Independent bool
	// Secure says that the wire is encrypted and the server's identity was
	// verified by the client.
	Secure bool
	// Early says that the carrier was made before its handshake was complete.
	// On a client nobody had answered yet, and perhaps nobody will. On a server
	// what arrives first may be a repetition of what somebody else has sent;
	// all that follows is not (clause 10.4).
	Early bool
	// LocalAddr and RemoteAddr are the ends of the carrier as the wire knew
	// them when it began, host:port for those of the network. Behind a proxy
	// RemoteAddr is the proxy.
	LocalAddr, RemoteAddr string
	// Congestion is the congestion control that is in force for what this side
	// sends, as the system or the library names it, such as "cubic" or "bbr"; ""
	// if that is not known.
	Congestion string
}

// String returns the wire and the address of the peer.
func (i Info) String() string { return i.Wire + " " + i.RemoteAddr }

var (
	// ErrLane is returned by Send for a lane that does not exist, or that the
	// client has not opened yet.
	ErrLane = errors.New("transport: lane is not open")
	// ErrBatch is returned by Send for a batch that is empty or over
	// frame.MaxBatch.
	ErrBatch = errors.New("transport: batch size out of range")
	// ErrHandedOver is returned by deliver, and then by Receive, when another
	// goroutine goes on with Handover.
	ErrHandedOver = errors.New("transport: another goroutine goes on receiving")
)

// A CloseError says that a carrier was closed on purpose, by this side or by
// the peer, and what was said.
type CloseError struct {
	// Code is the code that was given; Accepted for an ordinary end.
	Code twinwire.Code
	// Reason is the reason that was given, for people. A peer's reason is cut
	// at 120 bytes and has no control characters.
	Reason string
	// Remote says that the peer closed.
	Remote bool
	// RetryAfter is how long the peer asks to be left alone, where its session
	// said so (clause 8.2).
	RetryAfter time.Duration
}

// Error says who closed the carrier, and why.
func (e *CloseError) Error() string {
	who := "closed"
	if e.Remote {
		who = "closed by peer"
	}
	switch {
	case e.Reason != "":
		return who + ": " + e.Code.String() + ": " + e.Reason
	case e.Code != twinwire.Accepted:
		return who + ": " + e.Code.String()
	}
	return who
}

// Unwrap returns the code, if it is one that stands for an error.
func (e *CloseError) Unwrap() error {
	if e.Code == twinwire.Accepted {
		return nil
	}
	return e.Code
}
