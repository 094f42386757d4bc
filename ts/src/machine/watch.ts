import { Frame } from '../frame/frame.js';
import { Kind } from '../frame/layout.js';
import { ackNow } from './lane.js';
import type { Machine } from './machine.js';

// Silence of the peer (clauses 8.1 and 14.5), and what is due with time.

/** How long a peer may be silent that somebody waits for (clause 14.5), in milliseconds and round trips. */
const watchTime = 400;
const watchTrips = 2; // until the peer is asked, and one more for its answer

/** Begins to watch a carrier. */
export function watch(m: Machine, now: number): void {
	m.trip = m.binding.trip;
	m.heard = m.since = now;
	m.asked = 0;
}

/** Whether the peer owes an answer or an acknowledgement. */
const awaits = (m: Machine): boolean => m.keeps && (m.running.size > 0 || m.lanes.some((l) => l.acked !== l.sent));

/** Until when the peer may be silent. */
function limit(m: Machine): number {
	const { asked, heard, since, trip } = m;
	const { ping } = m.binding;
	if (!awaits(m)) return (asked || heard) + ping;
	return (asked || Math.max(heard, since)) + Math.min(ping, Math.max(watchTime, (watchTrips + (asked ? 1 : 0)) * trip));
}

/** Takes note of a batch: the watch begins with the first thing that is waited for. */
export function sending(m: Machine, now: number): void {
	if (!awaits(m)) m.since = now;
}

export function received(m: Machine, now: number): void {
	m.heard = now;
	m.asked = 0;
}

/** Takes a PONG. The shortest trip counts: one that an outage made long must not hide the next. A token is a time in microseconds. */
export function pong(m: Machine, { id }: Frame): void {
	m.trip = Math.min(m.trip, Math.abs(m.heard - id / 1000));
}

/** When tick wants to be called next, in milliseconds. */
export const deadline = (m: Machine): number => (m.detached || m.ended ? Infinity : Math.min(limit(m), ...m.lanes.map((l) => l.ackAt)));

/** Takes note of the time, and reports whether the peer is dead: it was asked and said nothing. */
export function tick(m: Machine, now: number): boolean {
	if (now < deadline(m)) return false;
	for (const l of m.lanes) if (l.ackAt <= now) ackNow(l);
	if (now < limit(m)) return false;
	if (m.asked) return true;
	m.asked = now;
	m.control.push(new Frame(Kind.Ping, { id: Math.floor(now * 1000) }));
	return false;
}
