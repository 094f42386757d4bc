// Package events emits values to the sessions that are subscribed to a topic,
// and receives them on the other side (docs/protocol.md, clauses 6.10 and 7).
//
// On the side that emits, a [Hub] knows who is subscribed to what:
//
//	var hub events.Hub
//	err := hub.Subscribe(session, "room/7")
//	err = hub.Emit(ctx, "room/7", chat.Said{Text: "hello"})
//
// In a handler of a generated service the session does both by itself, typed:
// it is a [Subscriber] of the hub that the service was made with. Elsewhere an
// [Emitter] is typed in the same way.
//
// On the other side a [Receiver], typed by a [Stream], yields what arrives:
//
//	for ev := range stream.Events(ctx) {
//		// ev.Topic, ev.Event, ev.Missed
//	}
//
// Either end of a session may be either side.
//
// # Order
//
// A subscriber sees every event that is emitted to the topic after Subscribe
// returned, and none that was emitted after Unsubscribe returned. The events of
// a topic have one order: all subscribers see it, and it is that of the calls
// of Emit where these do not overlap. Events of different topics arrive at one
// session in the order in which they were emitted, too, as long as nothing was
// dropped. The reply to a call does not overtake the events that its handler
// emitted with its context; what comes through a [Broker] is outside of that
// promise.
//
// # Loss
//
// Emit waits for nobody. What a subscriber has not taken waits in its session,
// bounded in bytes (core.Limits.EventBytes). What happens beyond is decided per
// topic (Options.Overflow): the oldest events are dropped, and the next one that
// arrives says how many of its topic were missed, or the session ends with
// SlowConsumer. On the receiving side what has not been taken waits in the same
// way, for each iterator on its own ([WithBuffer]). Within a session nothing is
// lost in silence: what was delivered and what was reported as missed add up to
// what was emitted. A family of events that shares a topic with other families
// may be told of gaps in theirs. Events that were on their way when a session
// ended are lost with it, and so is what a broker loses.
//
// # Goroutines
//
// A hub starts goroutines when sessions have something to send, at most
// GOMAXPROCS unless some hang, and they end when nothing is left; with a broker
// there is one more from NewHub to [Hub.Close], which waits for all of them. A
// receiver starts none. Filters and Options.Overflow run in the goroutine that
// calls the hub; a panic of theirs is logged and ends nothing.
//
// # Memory
//
// An event is encoded once, and all subscribers share the bytes. A session that
// ends leaves the hub by itself, with its subscriptions; a topic without
// subscribers takes no memory. Payloads that are received are shared by all
// iterators.
//
// # Cancellation
//
// The context of Emit says on whose behalf the event is, and does not cancel
// anything. That of an iterator ends it.
package events
