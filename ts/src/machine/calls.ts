import { Code, TwinwireError, violation } from '../error.js';
import { decodeMetadata, type Metadata } from '../frame/metadata.js';
import type { Frame } from '../frame/frame.js';
import { F1, F2, F3, F4, F5, Kind } from '../frame/layout.js';
import { getVarint } from '../frame/varint.js';
import { limits } from './config.js';
import type { Machine } from './machine.js';
import { Item, messageShare, Parts, Queue } from './message.js';
import { Party } from './streams.js';

const none = new Uint8Array(0);

/** What came of a call. */
export interface Outcome {
	readonly payload: Uint8Array;
	readonly metadata: Metadata;
}

/** A call of this side, or a one-way message. */
export class Call extends Item {
	readonly party: Party;
	/** Whoever called does not wait any more; a frame with the answer may still come. */
	canceled = false;
	/** The reply is complete and waits for what it must not overtake. */
	held: (() => void) | undefined;
	parts: Parts | undefined;
	code = 0;
	barrier = 0;
	meta: Metadata = {};
	place: 'waiting' | 'queue' | 'gone' = 'waiting';

	constructor(
		private readonly calls: Calls,
		readonly method: string,
		payload: Uint8Array,
		private readonly metadata: Uint8Array,
		/** When the time for the call is up, 0 for never. */
		private readonly deadline: number,
		private readonly flags: number,
		readonly oneWay: boolean,
		/** Called once, with the answer or an error; for a message when it is in a batch. */
		readonly done: (outcome: Outcome | TwinwireError) => void,
	) {
		super(payload);
		this.party = new Party(false, this);
	}

	head(f: Frame, now: number): void {
		f.kind = this.oneWay ? Kind.Message : Kind.Call;
		f.flags = this.flags | (this.metadata.length > 0 ? F2 : 0);
		f.meta = this.metadata;
		this.calls.refer(f, this.method);
		if (this.oneWay && !this.large) return;
		f.id = this.id = this.party.id = this.calls.newId();
		if (this.oneWay) return;
		if (this.deadline !== 0) {
			f.flags |= F3;
			f.millis = Math.max(1, Math.ceil(this.deadline - now));
		}
		this.calls.began(this);
	}

	override sent(): void {
		this.calls.dequeued(this);
		if (this.oneWay) this.done({ payload: none, metadata: {} });
	}

	fail(code: number, text: string): void {
		this.done(new TwinwireError(code, text));
	}
}

/** Cancel tells the callee that nobody waits (clause 6.8). */
class Cancel extends Item {
	constructor(
		override readonly id: number,
		private readonly code: number,
	) {
		super(none);
	}

	head(f: Frame): void {
		f.kind = Kind.Cancel;
		f.code = this.code;
	}
}

export const unordered = F4;
export const idempotent = F5;

/** The calls and messages of this side (clauses 5 and 6). */
export class Calls {
	/** Of which a frame was sent, and that have no answer. */
	readonly running = new Map<number, Call>();
	lastId = 0;
	/** Those that take a place in the peer's window. */
	private calls = 0;
	private messages = 0;
	private messageLimit: number;
	private queued = 0;
	private queuedBytes = 0;
	private readonly held = new Set<Call>();
	readonly waiting = new Queue<Call>();

	constructor(private readonly m: Machine) {
		this.messageLimit = m.config.peer.messages;
	}

	newId(): number {
		return ++this.lastId;
	}

	refer(f: Frame, method: string): void {
		this.m.callLane.refer(f, method, this.m.config.peer.names);
	}

	began(c: Call): void {
		this.running.set(c.id, c);
		for (const s of c.party.outs) this.m.streams.activate(s);
	}

	dequeued(c: Call): void {
		c.place = 'gone';
		this.queued--;
		this.queuedBytes -= c.payload.length;
	}

	/** Queues a call or a message. */
	start(c: Call): void {
		if (this.m.takesNothing) throw this.m.why();
		if (c.payload.length > this.m.config.peer.max) throw new TwinwireError(Code.TooLarge, 'message is larger than the peer accepts');
		if (this.queued >= limits.queuedCalls || (this.queued > 0 && this.queuedBytes + c.payload.length > limits.queuedBytes)) throw new TwinwireError(Code.ResourceExhausted, 'too many calls wait to be sent');
		this.queued++;
		this.queuedBytes += c.payload.length;
		this.waiting.push(c);
		this.admit();
	}

	/** Moves what the windows allow to the queue (clauses 5.2 and 5.4). */
	private admit(): void {
		for (let c = this.waiting.first; c; c = this.waiting.first) {
			if (c.oneWay) {
				const share = this.shareOf(c);
				if (this.messages + share > this.messageLimit) return;
				this.messages += share;
			} else {
				if (this.calls >= this.m.config.peer.calls) return;
				this.calls++;
			}
			this.waiting.shift();
			c.place = 'queue';
			this.m.queue.push(c);
		}
	}

	private shareOf(c: Call): number {
		return messageShare(c.payload.length, this.m.config.peer.messages);
	}

	creditMessages(limit: number): void {
		if (limit > this.messageLimit) this.messageLimit = limit;
		this.admit();
	}

	/** Ends the wait for a call; code is why. It returns false if it is too late for a message. */
	abandon(c: Call, code: number): boolean {
		if (c.place !== 'gone' && !c.begun) {
			if (c.place === 'queue') {
				if (c.oneWay) this.messages -= this.shareOf(c);
				else this.calls--;
			}
			this.m.withdraw(c);
			this.dequeued(c);
			this.m.streams.dropOuts(c.party, code);
			this.m.streams.dropIns(c.party);
			this.admit();
			return true;
		}
		if (c.oneWay) return false;
		c.canceled = true;
		this.m.streams.dropOuts(c.party, code);
		this.m.streams.dropIns(c.party);
		if (c.held) this.remove(c);
		else {
			this.unsent(c);
			this.m.queue.push(new Cancel(c.id, code));
		}
		return true;
	}

	/** What is left of a call need not be sent. */
	private unsent(c: Call): void {
		if (c.whole || c.dropped) return;
		c.dropped = true;
		this.dequeued(c);
	}

	private remove(c: Call): void {
		this.held.delete(c);
		this.calls--;
		this.running.delete(c.id);
		this.admit();
	}

	/** Takes a REPLY (clauses 6.7, 6.10 and 12.8). */
	reply(f: Frame): void {
		const c = this.running.get(f.id);
		if (!c || c.parts || c.held) throw violation('reply to a call that is not running');
		this.unsent(c);
		c.code = f.code;
		if (f.flags & F3) c.barrier = f.next;
		if (f.flags & F4) c.party.wanted = f.slot;
		this.m.streams.dropOuts(c.party, f.code);
		if (f.flags & F2) c.meta = decodeMetadata(f.meta);
		if (f.flags & F1) {
			this.m.reserve(f.size);
			c.parts = new Parts(f.size);
			c.parts.add(f);
		} else this.answered(c, f.payload);
	}

	more(f: Frame): void {
		const c = this.running.get(f.id);
		if (!c?.parts || c.held) throw violation('part of a message that was not begun');
		const payload = c.parts.add(f);
		if (!payload) return;
		this.m.consumedLarge(payload.length);
		this.answered(c, payload);
	}

	private waits(c: Call): boolean {
		return c.barrier > this.m.eventLane.next || (!c.canceled && !c.party.arrived);
	}

	private answered(c: Call, payload: Uint8Array): void {
		const deliver = (): void => {
			this.remove(c);
			this.m.streams.endIns(c.party);
			c.done(c.code === 0 ? { payload, metadata: c.meta } : rejection(c.code, payload));
		};
		if (!this.waits(c)) return deliver();
		c.held = deliver;
		this.held.add(c);
	}

	/** Ends the calls whose reply need not wait any more. */
	release(): void {
		for (const c of this.held) if (!this.waits(c)) c.held?.();
	}

	/** Ends what waits, as the session takes nothing new. */
	closing(): void {
		for (let c = this.waiting.shift(); c; c = this.waiting.shift()) {
			this.dequeued(c);
			c.dropped = true;
			c.fail(Code.Unavailable, 'session is closing');
		}
	}

	/** Ends everything (clause 8.3). */
	end(unsent: readonly Item[]): void {
		this.closing();
		for (const it of unsent) if (it instanceof Call && !it.begun && !it.dropped) it.fail(Code.Unavailable, 'session ended before the call was sent');
		for (const c of this.running.values()) {
			if (c.held) c.held();
			else if (!c.whole) c.fail(Code.Unavailable, 'session ended before the call was sent');
			else if (this.m.goodbye && c.end > this.m.callLane.acked) c.fail(Code.Unavailable, 'session ended before the call was received');
			else c.fail(Code.OutcomeUnknown, 'session ended before the answer came');
		}
		this.running.clear();
	}
}

const decoder = new TextDecoder();

/** The error of a rejection (clause 6.7). A malformed text is none. */
export function rejection(code: number, b: Uint8Array): TwinwireError {
	const c = { at: 0 };
	const n = Number(getVarint(b, c, b.length));
	const end = c.at + n;
	if (n < 0 || n > 1024 || end > b.length) return new TwinwireError(code);
	return new TwinwireError(code, decoder.decode(b.subarray(c.at, end)), { details: end < b.length ? b.slice(end) : undefined });
}
