package core

import (
	"time"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
)

// Limits bounds what a session holds and what its peer may ask of it. In
// every field zero means the default. A negative number means none at all for
// Calls, Messages, Streams, States, Topics and CloseTime, and the smallest value that
// works for the others; HandshakeTime is the
// default then, because every handshake is bounded.
type Limits struct {
	// Calls is how many calls of the peer run at once; the peer is told, and
	// queues what is beyond (clause 5.2). Default 256.
	Calls int
	// Messages is how many one-way messages of the peer may be on their way
	// or being handled; one of 4 KiB and more counts as up to 5 (clause 5.4).
	// Default 4,096: with 1,024 who sends small ones waits for credit a third
	// of the time, with 256 half of it.
	Messages int
	// MessageSize is the largest message accepted from the peer, in bytes.
	// Default 4 MiB, which is also the most.
	MessageSize int
	// LargeBytes is how many bytes of messages over 16 KiB the peer may have
	// on their way or being handled (clause 5.5). Default 16 MiB; at least
	// MessageSize.
	LargeBytes int
	// Streams is how many streams of the peer may be open at once (clause
	// 12.5). Default 100.
	Streams int
	// StreamBytes is how many bytes of one stream of the peer may wait to be
	// read, and StreamsBytes of all of them together. A stream begins with at
	// most 64 KiB and gets more while its reader keeps up. Defaults 4 MiB and
	// 16 MiB.
	StreamBytes, StreamsBytes int
	// QueuedCalls and QueuedBytes bound the calls and messages of this side
	// that wait for the peer's window. Beyond them a call fails at once with
	// ResourceExhausted, and Send waits for room. Defaults 4,096 and 16 MiB.
	QueuedCalls, QueuedBytes int
	// ReplyBytes bounds the replies that wait for a peer that does not read;
	// beyond it a reply becomes ResourceExhausted. Default 16 MiB.
	ReplyBytes int
	// EventBytes bounds the events that wait for a peer that does not keep
	// up; what happens then is each topic's to say. Default 1 MiB.
	EventBytes int
	// UnreadBytes bounds the events and states that have arrived and that
	// this program has not taken yet. Default 1 MiB.
	UnreadBytes int
	// StateBytes bounds the changes of one state that wait for a peer that
	// does not keep up; beyond it they become one snapshot. Default 256 KiB.
	StateBytes int
	// States is how many states of the peer may be open. Default 64.
	States int
	// StateRate is how many changes of one state are sent in a second; what
	// changes faster is sent together, the newest always. Replies do not wait:
	// they send what has changed before them. A peer that sends more than twice
	// as many, and more than 100, for longer than a stalled wire explains ends
	// its session (clause 5.7). Default 100.
	StateRate int
	// Rate is how many calls and messages of the peer are let in each second,
	// and RateBurst how many at once; what is beyond is refused with
	// ResourceExhausted, and a message dropped, or if RateCloses is set ends the
	// session. Zero means any number, and a RateBurst of one second.
	Rate, RateBurst int
	RateCloses      bool
	// Files is how many calls at once may receive files of the peer; others
	// wait, each for as long as its context lasts. How large files may be,
	// package files says. Default 4; at least 1.
	Files int
	// Topics is how many topics this session may be subscribed to. Default 128.
	Topics int
	// ResumeTime is how long a session without a carrier waits for another,
	// unless the peer says less (clause 14.1). Default 120 s; a negative value
	// means that it ends with its carrier.
	ResumeTime time.Duration
	// RetainedBytes is how much of what was sent is kept for each lane until
	// the peer has acknowledged it; beyond it sending waits. Default 4 MiB;
	// for lanes of streams it is at least 16 MiB. With less than 512 KiB messages
	// over 16 KiB are slower, which are acknowledged every 256 KiB (clause 4.2).
	RetainedBytes int
	// HandshakeTime bounds a handshake, from the first byte of the carrier to
	// the first frame of the session. Default 5 s.
	HandshakeTime time.Duration
	// CloseTime bounds how long Close waits for the peer to agree. Default 1 s.
	CloseTime time.Duration
	// Admission bounds who gets in, at a server.
	Admission Admission
}

// names is how many method and event names are remembered for a lane and
// direction; beyond it names travel in full.
const names = 1024

// withDefaults returns l with every field set but Admission, which is an
// acceptor's.
func (l *Limits) withDefaults() Limits {
	var d Limits
	if l != nil {
		d = *l
	}
	between := func(least int, p *int, most, otherwise int) {
		if *p == 0 {
			*p = otherwise
		}
		*p = min(max(*p, least), most)
	}
	set := func(p *int, most, otherwise int) { between(1, p, most, otherwise) }
	count := func(p *int, most, otherwise int) { between(0, p, most, otherwise) }
	const huge = 1 << 30
	count(&d.Calls, 1<<20, 256)
	count(&d.Messages, 1<<20, 4096)
	set(&d.RetainedBytes, huge, 4<<20)
	if d.ResumeTime == 0 {
		d.ResumeTime = 120 * time.Second
	}
	d.ResumeTime = max(0, d.ResumeTime)
	set(&d.MessageSize, maxMessage, maxMessage)
	d.MessageSize = max(d.MessageSize, frame.MaxPayload)
	set(&d.LargeBytes, huge, 16<<20)
	d.LargeBytes = max(d.LargeBytes, d.MessageSize)
	count(&d.Streams, 1<<16, 100)
	set(&d.StreamBytes, huge, 4<<20)
	set(&d.StreamsBytes, huge, 16<<20)
	set(&d.QueuedCalls, 1<<24, 4096)
	set(&d.QueuedBytes, huge, 16<<20)
	set(&d.ReplyBytes, huge, 16<<20)
	set(&d.EventBytes, huge, 1<<20)
	set(&d.UnreadBytes, huge, 1<<20)
	set(&d.StateBytes, huge, 256<<10)
	count(&d.States, 1<<16, 64)
	set(&d.StateRate, 1<<20, 100)
	set(&d.Files, 1<<20, 4)
	if d.Rate <= 0 {
		d.Rate = 0
	} else if d.RateBurst <= 0 {
		d.RateBurst = d.Rate
	}
	count(&d.Topics, 1<<20, 128)
	if d.HandshakeTime <= 0 {
		d.HandshakeTime = 5 * time.Second
	}
	if d.CloseTime == 0 {
		d.CloseTime = time.Second
	}
	return d
}

// firstWindow is how much of a stream may be sent at first.
const firstWindow = 64 << 10

// maxMessage is the most that a message may have (clause 2.4).
const maxMessage = 4 << 20

// window is what l lets the peer do.
func (l *Limits) window() machine.Window {
	return machine.Window{
		Calls: l.Calls, Messages: l.Messages, Large: l.LargeBytes, MaxMessage: l.MessageSize, Names: names,
		Streams: l.Streams, Stream: min(firstWindow, l.StreamBytes, max(1, l.StreamsBytes/max(1, l.Streams))),
	}
}
