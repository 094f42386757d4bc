import { Code, must, TwinwireError } from '../error.js';
import { Frame } from '../frame/frame.js';
import { F1, F2, F3, F4, F5, Kind } from '../frame/layout.js';
import type { CallMetadata, Metadata } from '../frame/metadata.js';
import { getString, none, text } from '../frame/varint.js';
import { Limit, type Party } from './config.js';
import { refer } from './lane.js';
import { type Machine, maxShare } from './machine.js';
import { begin, Of } from './parts.js';
import { dropIns, dropOuts, type InStream, type OutStream } from './streams.js';

/** Something on its way out on the call lane: in at most one queue, in one or several frames. */
export interface Item {
	readonly payload: Uint8Array;
	/** Bytes of the payload that are in batches. */
	off: number;
	/** The number after that of its last frame, once that is in a batch. */
	end: number;
	/** Its id, after its first frame, and the flags of those that follow (clause 6.6). */
	id: number;
	readonly more: number;
	/** Returns the first frame, without its payload. */
	head(now: number): Frame;
	/** Takes note that the last frame is in a batch. */
	sent(): void;
}

/** What came of a call. */
export interface Outcome {
	readonly payload: Uint8Array;
	readonly metadata: Metadata;
}

export const unordered = F4;
export const idempotent = F5;

/** A call of this side, or a one-way message. */
export class Call implements Item, Party {
	readonly callee = false;
	readonly outs: OutStream[] = [];
	readonly ins: InStream[] = [];
	began = 0;
	id = 0;
	off = 0;
	end = 0;
	readonly more = 0;
	/** It is in a queue of this side, whole or not. */
	queued = true;
	/** It takes a place in the peer's window. */
	placed = false;
	/** Whoever called does not wait any more; a frame with the answer may still come. */
	settled = false;
	/** What the reply comes after: frames of the event lane, and streams of the peer. */
	barrier = 0;
	wanted = 0;
	/** The reply is complete and waits for those. */
	deliver: (() => void) | undefined;
	code = -1;
	/** The metadata of the reply, if somebody wants it. */
	answer: Metadata = {};

	constructor(
		private readonly m: Machine,
		private readonly method: string,
		readonly payload: Uint8Array,
		readonly metadata: CallMetadata | undefined,
		/** When the time for the call is up, 0 for never. */
		private readonly deadline: number,
		private readonly flags: number,
		readonly oneWay: boolean,
		/** Called once, with the answer or an error; for a message when it is in a batch. */
		readonly done: (outcome: Outcome | TwinwireError) => void,
	) {}

	head(now: number): Frame {
		const { m, oneWay } = this;
		const meta = this.metadata?.bytes ?? none;
		const f = new Frame(oneWay ? Kind.Message : Kind.Call, { flags: this.flags | (meta.length ? F2 : 0), meta });
		refer(m.callLane, f, this.method, m.peer.names);
		if (oneWay && !isLarge(this)) return f;
		f.id = this.id = ++m.lastId;
		if (oneWay) return f;
		if (this.deadline) {
			f.flags |= F3;
			f.millis = Math.max(1, Math.ceil(this.deadline - now));
		}
		m.running.set(f.id, this);
		return f;
	}

	sent(): void {
		unqueue(this.m, this);
		if (this.oneWay) this.done({ payload: none, metadata: {} });
	}
}

/** An item of one frame without a payload. */
export const bare = (head: () => Frame): Item => ({ payload: none, off: 0, end: 0, id: 0, more: 0, head, sent: () => {} });

/** What is said of calls that the end of the session ends. */
export const ended = 'session has ended';

/** More than one frame is needed. */
export const isLarge = (it: Item): boolean => it.payload.length > 16384;

/** Takes an item, of which nothing more need be sent, out of the queues. */
function unqueue(m: Machine, c: Call): void {
	if (!c.queued) return;
	c.queued = false;
	m.queued--;
	m.queuedBytes -= c.payload.length;
	for (const q of [m.waiting, m.queue, m.credit, m.parts] as Item[][]) {
		const i = q.indexOf(c);
		if (i >= 0) q.splice(i, 1);
	}
}

/** How much of the window a one-way message of so many bytes takes (clause 5.4). */
export const messageShare = (size: number, window: number): number => Math.max(1, Math.min(1 + Math.floor(size / 4096), maxShare, window));

const shareOf = (m: Machine, c: Call): number => messageShare(c.payload.length, m.peer.msgs);

/** Queues a call or a message. */
export function start(m: Machine, c: Call): void {
	const n = c.payload.length;
	if (m.ended || m.closing || m.goodbye) throw new TwinwireError(Code.Unavailable, ended);
	if (n > m.peer.max) throw new TwinwireError(Code.TooLarge);
	if (m.queued >= Limit.QueuedCalls || (m.queued && m.queuedBytes + n > Limit.QueuedBytes)) throw new TwinwireError(Code.ResourceExhausted);
	m.queued++;
	m.queuedBytes += n;
	m.waiting.push(c);
	admit(m);
}

/** Moves what the windows allow to the queue (clauses 5.2 and 5.4). */
export function admit(m: Machine): void {
	for (let c = m.waiting[0]; c; c = m.waiting[0]) {
		if (c.oneWay ? m.messages.used + shareOf(m, c) > m.messages.limit : m.calls >= m.peer.calls) return;
		place(m, c, 1);
		m.waiting.shift();
		m.queue.push(c);
	}
}

/** Counts that a call takes a place in the window, or leaves it. */
function place(m: Machine, c: Call, by: number): void {
	c.placed = by > 0;
	if (c.oneWay) m.messages.used += by * shareOf(m, c);
	else m.calls += by;
}

/** Ends the wait for a call; code is why. It returns false if it is too late for a message. */
export function abandon(m: Machine, c: Call, code: number): boolean {
	const begun = c.off || c.end;
	if (begun && c.oneWay) return false;
	c.settled = true;
	dropOuts(m, c, new TwinwireError(code));
	dropIns(m, c);
	unqueue(m, c);
	if (begun && !c.deliver) m.queue.push(bare(() => new Frame(Kind.Cancel, { id: c.id, code })));
	else remove(m, c);
	return true;
}

function remove(m: Machine, c: Call): void {
	m.running.delete(c.id);
	if (c.placed) place(m, c, -1);
	admit(m);
}

/** Takes a REPLY (clauses 6.7, 6.10 and 12.8). */
export function reply(m: Machine, f: Frame): void {
	const c = m.running.get(f.id);
	must(c && c.code < 0, 6.1);
	unqueue(m, c);
	const { code, flags } = f;
	c.code = code;
	if (flags & F2 && c.metadata) c.answer = c.metadata.read(f.meta);
	if (flags & F3) c.barrier = f.next;
	if (flags & F4) c.wanted = f.slot;
	dropOuts(m, c, code ? new TwinwireError(code) : undefined);
	must(m.large.take(f.size), 5.5);
	begin(m, f, Of.Reply, (payload) => {
		if (flags & F1) m.large.free(payload.length);
		const outcome = code ? rejection(code, payload) : { payload, metadata: c.answer };
		c.deliver = () => {
			remove(m, c);
			// Streams that did not begin will not.
			for (const s of c.ins) {
				s.ended ||= !s.begun;
				s.wake();
			}
			c.done(outcome);
		};
		release(m);
	});
}

/** Ends the calls whose reply need not wait any more. */
export function release(m: Machine): void {
	for (const c of m.running.values()) if (c.deliver && c.barrier <= m.eventLane.next && (c.settled || c.ins.filter((s) => s.begun && (s.ended || s.stopped)).length >= c.wanted)) c.deliver();
}

/** Ends what waits, as the session takes nothing new. */
export function failWaiting(m: Machine): void {
	for (const c of m.waiting.slice()) {
		abandon(m, c, Code.Unavailable);
		c.done(new TwinwireError(Code.Unavailable, ended));
	}
}

/** Ends everything (clause 8.3). */
export function endCalls(m: Machine): void {
	m.waiting.push(...([...m.queue, ...m.credit, ...m.parts].filter((it) => it instanceof Call && (it.oneWay || !it.off)) as Call[]));
	failWaiting(m);
	for (const c of m.running.values()) {
		if (c.deliver) c.deliver();
		else if (!c.end || (m.goodbye && c.end > m.callLane.acked)) c.done(new TwinwireError(Code.Unavailable, ended));
		else c.done(new TwinwireError(Code.OutcomeUnknown, ended));
	}
}

/** The error of a rejection (clause 6.7). */
export function rejection(code: number, b: Uint8Array): TwinwireError {
	const c = { b, at: 0, end: b.length };
	const message = b.length ? text(getString(c, 1024)) : '';
	return new TwinwireError(code, message, { details: c.at < c.end ? b.slice(c.at) : undefined });
}
