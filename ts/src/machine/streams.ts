import { Code, must, TwinwireError } from '../error.js';
import { Frame } from '../frame/frame.js';
import { F2, F3, F4, Kind, maxPayload } from '../frame/layout.js';
import { concat, none, utf8, withLength } from '../frame/varint.js';
import { bare, rejection, release } from './calls.js';
import { Limit, type Party } from './config.js';
import type { Lane } from './lane.js';
import { type Machine, parties } from './machine.js';

// The streams of a session in both directions (clause 12).

const nothing = (): void => {};

/** What streams of both directions have. */
class Stream {
	begun = false;
	ended = false;
	/** What waits to be sent, or has arrived and was not taken. */
	chunks: Uint8Array[] = [];
	/** Why it is over, unless it was sent or has arrived whole. */
	error: Error | undefined;
	/** Called when there is room again, or something has arrived; and when it is over. */
	wake = nothing;

	constructor(
		readonly party: Party,
		readonly slot: number,
		public lane: number,
		public limit: number,
	) {}
}

/** A stream that this side sends. */
export class OutStream extends Stream {
	queued = 0;
	sent = 0;
	/** What is to be sent is a RESET. */
	reset = false;
	over = false;
}

/** A stream that the peer sends. */
export class InStream extends Stream {
	window = this.limit;
	received = 0;
	consumed = 0;
	stopped = false;
	/** The code of its STOP. */
	code = 0;
	/** Another one may begin in its place. */
	counted = false;
}
const over = (): TwinwireError => new TwinwireError(Code.Canceled, 'the call is over');

/** The end of a call that a frame of the peer is about; callee says whose end this is. */
const partyOf = (m: Machine, f: Frame, callee: boolean, begins = false): Party | undefined => (callee ? m.serving?.party(f.id, begins) : m.running.get(f.id));

// Sending.

const outOf = (party: Party, slot: number): OutStream | undefined => party.outs.find((s) => s.slot === slot);

/** Returns the stream of this side in a slot of a call, a new one the first time. */
export function openOut(m: Machine, party: Party, slot: number, bulk: boolean): OutStream {
	let s = outOf(party, slot);
	if (!s) {
		s = new OutStream(party, slot, (bulk ? m.bulkLane : m.streamLane).number, m.peer.stream);
		party.outs.push(s);
		m.outs.push(s);
		if (m.ended || party.settled || !m.streams.limit) overOut(m, s, over());
	}
	return s;
}

/** Whether nothing more can be put into a stream. */
export const closedOut = (s: OutStream): boolean => s.over || s.ended || s.reset;

export function write(s: OutStream, b: Uint8Array): void {
	if (closedOut(s) || !b.length) return;
	s.chunks.push(b);
	s.queued += b.length;
}

/** Gives a stream up (clause 12.6): what is queued is dropped. */
export function reset(m: Machine, s: OutStream, error: TwinwireError): void {
	if (s.over || s.reset) return;
	if (!s.begun) return overOut(m, s, error);
	s.error = error;
	s.chunks = [];
	s.queued = 0;
	s.reset = true;
	s.wake();
}

/** Finds the stream whose turn it is in one of the lanes: one that has something to send, and may. */
export const nextOut = (m: Machine, usable: (l: Lane) => boolean): OutStream | undefined =>
	m.outs.find((s) => s.party.id && (s.begun || m.streams.used < m.streams.limit) && (s.reset || (s.queued ? s.sent < s.limit : s.ended)) && usable(m.lanes[s.lane] as Lane));

/** Returns the next frame of a stream, which has had its turn then. */
export function outFrame(m: Machine, s: OutStream): Frame {
	m.outs.push(...m.outs.splice(m.outs.indexOf(s), 1));
	const f = new Frame(Kind.Data, { id: s.party.id, slot: s.slot, flags: s.party.callee ? F3 : 0 });
	if (s.reset) {
		const error = s.error as TwinwireError;
		f.kind = Kind.Reset;
		f.code = error.code;
		f.payload = rejectionOf(error.message, error.details);
		overOut(m, s);
		return f;
	}
	if (!s.begun) {
		s.begun = true;
		s.party.began++;
		m.streams.used++;
		f.flags |= F2;
	}
	f.payload = gather(s, Math.min(maxPayload, s.limit - s.sent, s.queued));
	s.queued -= f.payload.length;
	s.sent += f.payload.length;
	if (s.ended && !s.queued) {
		f.flags |= F4;
		overOut(m, s);
	} else if (s.queued <= Limit.StreamBuffer / 2) s.wake();
	return f;
}

/** Takes the next n bytes off a stream. */
function gather(s: OutStream, n: number): Uint8Array {
	const parts: Uint8Array[] = [];
	while (n > 0) {
		const chunk = s.chunks.shift() as Uint8Array;
		if (chunk.length > n) s.chunks.unshift(chunk.subarray(n));
		parts.push(chunk.subarray(0, n));
		n -= chunk.length;
	}
	return concat(parts);
}

function overOut(m: Machine, s: OutStream, why?: Error): void {
	if (s.over) return;
	s.over = true;
	s.error ??= why;
	s.chunks = [];
	m.outs.splice(m.outs.indexOf(s), 1);
	s.wake();
	if (s.party.callee) m.serving?.ready(s.party);
}

/** Ends the streams of this side of a call that is over or canceled (clauses 12.8 and 12.9). */
export function dropOuts(m: Machine, party: Party, why: Error = over()): void {
	for (const s of party.outs) overOut(m, s, why);
}

export function receiveWindow(m: Machine, f: Frame): void {
	const party = partyOf(m, f, (f.flags & F3) > 0);
	if (!party || party.settled) return;
	let s = outOf(party, f.slot);
	if (!s) {
		// A callee that waits for what will not come is told so (clause 12.4).
		s = openOut(m, party, f.slot, false);
		s.ended = !party.callee;
	}
	s.limit = Math.max(s.limit, f.next);
}

export function receiveStop(m: Machine, f: Frame): void {
	const party = partyOf(m, f, (f.flags & F3) > 0);
	if (!party) return;
	overOut(m, openOut(m, party, f.slot, false), rejection(f.code, f.payload));
}

// Receiving.

/** Returns the stream of the peer in a slot of a call, which may not have begun. */
export function incoming(m: Machine, party: Party, slot: number): InStream {
	let s = party.ins.find((s) => s.slot === slot);
	if (!s) {
		s = new InStream(party, slot, 0, m.own.stream);
		party.ins.push(s);
		if (party.callee) m.windows.add(s);
	}
	return s;
}

/** Takes DATA or RESET (clauses 12.2 and 12.6). */
export function receiveData(m: Machine, f: Frame): void {
	const callee = !(f.flags & F3);
	const data = f.kind === Kind.Data;
	const first = data && (f.flags & F2) > 0;
	must(m.streams.take(first ? 1 : 0), 12.5);
	must(callee || f.id <= m.lastId, 12.1);
	const party = partyOf(m, f, callee, first);
	if (!party || party.settled) {
		if (first) m.streams.free(1);
		return;
	}
	const unwanted = !callee && !party.ins.some((s) => s.slot === f.slot);
	const s = incoming(m, party, f.slot);
	must(first !== s.begun && !s.ended && (first || !s.begun || s.lane === f.lane), 12.2);
	if (first) {
		s.begun = true;
		s.lane = f.lane;
		if (unwanted) {
			s.stopped = true;
			s.code = Code.NotImplemented;
		}
		if (s.stopped) sendStop(m, s);
	}
	if (!data) {
		s.error ??= rejection(f.code, f.payload);
		s.ended = true;
		drop(m, s);
	} else {
		const n = f.payload.length;
		s.received += n;
		must(s.received <= s.limit, 12.4);
		if (n && !s.stopped) s.chunks.push(f.payload);
		s.ended = (f.flags & F4) > 0;
		if (first && !s.ended && !s.stopped) {
			// It is of more than one frame.
			const more = Math.floor(Math.min(Limit.StreamWindow, m.spare));
			m.spare -= more;
			s.window += more;
			grant(m, s);
		}
		if (s.ended && s.consumed === s.received) overIn(m, s);
	}
	s.wake();
	if (s.ended || s.stopped) release(m);
}

function grant(m: Machine, s: InStream): void {
	s.limit = s.consumed + s.window;
	m.windows.add(s);
}

/** Says that the application has taken n bytes more. */
export function consume(m: Machine, s: InStream, n: number): void {
	s.consumed += n;
	if (s.ended) {
		if (s.consumed === s.received) overIn(m, s);
	} else if (s.consumed + s.window - s.limit >= s.window / 4) grant(m, s);
}

/** Says that nobody here wants more of a stream (clause 12.7). */
export function stop(m: Machine, s: InStream, code: number): void {
	if (s.stopped || s.counted || m.ended) return;
	s.code = code;
	if (s.begun && !s.ended) sendStop(m, s);
	s.stopped = true;
	s.error ??= over();
	drop(m, s);
	release(m);
}

/** Drops what is there of a stream, of which nothing more is taken. */
function drop(m: Machine, s: InStream): void {
	s.chunks = [];
	overIn(m, s);
	s.wake();
}

function sendStop(m: Machine, s: InStream): void {
	m.queue.push(bare(() => new Frame(Kind.Stop, { flags: s.party.callee ? 0 : F3, id: s.party.id, slot: s.slot, code: s.code })));
	overIn(m, s);
}

/** Lets the peer begin another stream (clause 12.5). */
function overIn(m: Machine, s: InStream): void {
	m.windows.delete(s);
	if (s.counted || !s.begun) return;
	s.counted = true;
	m.spare += s.window - m.own.stream;
	m.streams.free(1);
}

/** Ends the streams of the peer of a call that is over; what has arrived is dropped. */
export function dropIns(m: Machine, party: Party): void {
	for (const s of party.ins) {
		s.stopped = true;
		s.error ??= over();
		drop(m, s);
	}
}

/** Has the windows of all streams sent again (clause 14.4). */
export function renewWindows(m: Machine): void {
	for (const p of parties(m)) for (const s of p.ins) if (!s.ended && !s.counted && (s.begun || p.callee)) m.windows.add(s);
}

/** The end of the session. */
export function endStreams(m: Machine, error: TwinwireError): void {
	for (const p of parties(m)) {
		dropOuts(m, p, error);
		for (const s of p.ins) {
			if (!s.ended) s.error ??= error;
			s.wake();
		}
	}
}

/** The payload of a rejection (clause 6.7): so much text is at most 1,020 bytes. */
export function rejectionOf(text: string, details = none): Uint8Array {
	return concat([withLength(utf8(text.slice(0, 340))), details.length > 4096 ? none : details]);
}
