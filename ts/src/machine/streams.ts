import { Code, TwinwireError, violation } from '../error.js';
import type { Frame } from '../frame/frame.js';
import { F2, F3, F4, Kind, maxPayload } from '../frame/layout.js';
import { Call, rejection } from './calls.js';
import { limits } from './config.js';
import { rejectionOf, type Served } from './served.js';
import type { Machine } from './machine.js';
import { concat, Item } from './message.js';

const none = new Uint8Array(0);

/** How much a stream is let send when it turns out to be of more than one frame. */
const fastWindow = 512 << 10;

/** One end of a call, as its streams see it (clause 12.1). */
export class Party {
	id = 0;
	readonly outs: OutStream[] = [];
	readonly ins: InStream[] = [];
	/** Streams of this end that began, and of the peer that the reply comes after (clause 12.8). */
	began = 0;
	wanted = 0;
	/** Streams of the peer are taken. If not they are stopped. */
	streams = false;

	constructor(
		/** This end serves the call. */
		readonly callee: boolean,
		readonly of: Call | Served,
	) {}

	out(slot: number): OutStream | undefined {
		return this.outs.find((s) => s.slot === slot);
	}

	in(slot: number): InStream | undefined {
		return this.ins.find((s) => s.slot === slot);
	}

	/** Whether a stream of this end has not been sent whole. */
	get sending(): boolean {
		return this.outs.some((s) => !s.over);
	}

	/** Whether the streams that the reply comes after have ended. */
	get arrived(): boolean {
		return this.ins.filter((s) => s.begun && (s.ended || s.stopped)).length >= this.wanted;
	}
}

/** A stream that this side sends. */
export class OutStream {
	readonly chunks: Uint8Array[] = [];
	queued = 0;
	sent = 0;
	admitted = false;
	begun = false;
	/** Begins before there is anything in it. */
	announced = false;
	ended = false;
	/** What is queued is a RESET with this error. */
	reset: TwinwireError | undefined;
	over = false;
	active = false;
	/** Why it is over, unless it was sent whole. */
	error: TwinwireError | undefined;
	/** Called when there is room again, or the stream is over. */
	onRoom: (() => void) | undefined;

	constructor(
		readonly party: Party,
		readonly slot: number,
		readonly lane: number,
		public limit: number,
	) {}

	get closed(): boolean {
		return this.over || this.ended || this.reset !== undefined;
	}

	get sendable(): boolean {
		return this.reset !== undefined || (this.announced && !this.begun) || (this.queued > 0 && this.sent < this.limit) || (this.ended && this.queued === 0);
	}

	wake(): void {
		const f = this.onRoom;
		this.onRoom = undefined;
		f?.();
	}
}

/** A stream that the peer sends. */
export class InStream {
	begun = false;
	ended = false;
	stopped = false;
	stopSent = false;
	counted = false;
	windowDue = false;
	lane = 0;
	received = 0;
	consumed = 0;
	code = 0;
	/** What has arrived and was not taken. */
	readonly chunks: Uint8Array[] = [];
	/** Why no more comes, unless it ended. */
	error: TwinwireError | undefined;
	/** Called when something has arrived, or nothing more will. */
	onData: (() => void) | undefined;
	limit: number;

	constructor(
		/** Undefined as long as the call has not arrived (clause 12.3). */
		public party: Party | undefined,
		public id: number,
		readonly slot: number,
		/** The peer is the callee. */
		readonly callee: boolean,
		public window: number,
	) {
		this.limit = window;
	}

	wake(): void {
		const f = this.onData;
		this.onData = undefined;
		f?.();
	}
}

class Stop extends Item {
	constructor(
		private readonly s: InStream,
		payload: Uint8Array,
	) {
		super(payload);
		this.id = s.id;
	}

	head(f: Frame): void {
		f.kind = Kind.Stop;
		f.flags = this.s.callee ? F3 : 0;
		f.slot = this.s.slot;
		f.code = this.s.code;
	}
}

/** The streams of a session in both directions (clause 12). */
export class Streams {
	/** Those that have something to send, in the order of their turns. */
	active: OutStream[] = [];
	private waiting: OutStream[] = [];
	private begun = 0;
	private limit: number;

	/** Of calls that have not arrived. */
	private early: InStream[] = [];
	private opened = 0;
	private over = 0;
	granted: number;
	private spare: number;
	/** Whose WINDOW is due. */
	windows: InStream[] = [];

	constructor(private readonly m: Machine) {
		const { own, peer } = m.config;
		this.limit = peer.streams;
		this.granted = own.streams;
		this.spare = limits.streamWindows - own.streams * own.stream;
	}

	// Sending.

	/** Returns the stream of this side in a slot of a call, a new one the first time. */
	open(party: Party, slot: number, bulk: boolean): OutStream {
		let s = party.out(slot);
		if (s) return s;
		const lane = bulk ? this.m.bulkLane : this.m.streamLane;
		s = new OutStream(party, slot, lane, this.m.config.peer.stream);
		party.outs.push(s);
		const { of } = party;
		const settled = of.canceled || (of instanceof Call ? of.held || of.parts : of.replied || of.oneWay);
		if (this.limit === 0) {
			s.over = true;
			s.error = new TwinwireError(Code.ResourceExhausted, 'peer takes no streams');
		} else if (this.m.ended || settled) {
			s.over = true;
			s.error = new TwinwireError(Code.Canceled, 'the call is over');
		}
		return s;
	}

	write(s: OutStream, b: Uint8Array): void {
		if (s.closed || b.length === 0) return;
		s.chunks.push(b);
		s.queued += b.length;
		this.activate(s);
	}

	/** Begins a stream before there is anything in it. */
	announce(s: OutStream): void {
		s.announced = true;
		this.activate(s);
	}

	endOut(s: OutStream): void {
		if (s.closed) return;
		s.ended = true;
		this.activate(s);
	}

	/** Gives a stream up (clause 12.6): what is queued is dropped. */
	reset(s: OutStream, error: TwinwireError): void {
		if (s.over || s.reset) return;
		s.error = error;
		if (!s.begun && !s.announced) return this.overOut(s);
		s.chunks.length = s.queued = 0;
		s.reset = error;
		s.wake();
		this.activate(s);
	}

	/** Has a stream take its turns if there is something to send. */
	activate(s: OutStream): void {
		if (s.active || s.over || s.party.id === 0 || !s.sendable || this.m.ended) return;
		if (!s.admitted) {
			if (this.begun >= this.limit) {
				if (!this.waiting.includes(s)) this.waiting.push(s);
				return;
			}
			this.begun++;
			s.admitted = true;
		}
		s.active = true;
		this.active.push(s);
	}

	credit(limit: number): void {
		if (limit <= this.limit) return;
		this.limit = limit;
		const waiting = this.waiting;
		this.waiting = [];
		for (const s of waiting) this.activate(s);
	}

	/** Whether there is something to send in a lane. */
	wants(lane: number): boolean {
		return this.active.some((s) => s.lane === lane);
	}

	/** Takes the stream whose turn it is in one of the lanes, and fills in its next frame. */
	next(f: Frame, usable: (lane: number) => boolean): OutStream | undefined {
		const i = this.active.findIndex((s) => usable(s.lane));
		const s = this.active[i];
		if (!s) return undefined;
		this.active.splice(i, 1);
		s.active = false;
		f.id = s.party.id;
		f.slot = s.slot;
		f.flags = s.party.callee ? F3 : 0;
		if (s.reset && s.begun) {
			f.kind = Kind.Reset;
			f.code = s.reset.code;
			f.payload = rejectionOf(s.reset.message, s.reset.details);
			return s;
		}
		f.kind = Kind.Data;
		if (!s.begun) {
			s.begun = true;
			s.party.began++;
			f.flags |= F2;
		}
		f.payload = this.gather(s, Math.min(maxPayload, s.limit - s.sent, s.queued));
		s.queued -= f.payload.length;
		s.sent += f.payload.length;
		if (s.ended && s.queued === 0) f.flags |= F4;
		return s;
	}

	/** Takes the next n bytes off a stream. */
	private gather(s: OutStream, n: number): Uint8Array {
		const parts: Uint8Array[] = [];
		for (let have = 0; have < n; ) {
			const chunk = s.chunks[0] as Uint8Array;
			const k = Math.min(chunk.length, n - have);
			parts.push(k === chunk.length ? chunk : chunk.subarray(0, k));
			if (k === chunk.length) s.chunks.shift();
			else s.chunks[0] = chunk.subarray(k);
			have += k;
		}
		return parts.length === 1 ? (parts[0] as Uint8Array) : parts.length === 0 ? none : concat(parts, n);
	}

	/** Takes note that the frame of next is in a batch. */
	sentFrame(s: OutStream, f: Frame): void {
		if (f.kind === Kind.Reset || f.flags & F4) return this.overOut(s);
		if (s.queued <= limits.streamBuffer / 2) s.wake();
		this.activate(s);
	}

	private overOut(s: OutStream): void {
		if (s.over) return;
		s.over = true;
		if (s.active) this.active.splice(this.active.indexOf(s), 1);
		s.active = false;
		s.chunks.length = s.queued = 0;
		if (s.admitted && !s.begun) {
			this.begun--;
			const next = this.waiting.shift();
			if (next) this.activate(next);
		}
		s.wake();
		if (!(s.party.of instanceof Call)) this.m.serving.ready(s.party.of);
	}

	/** Ends the streams of this side of a call that is over or canceled (clauses 12.8 and 12.9). */
	dropOuts(party: Party, code: number): void {
		for (const s of party.outs) {
			if (s.over) continue;
			s.error ??= new TwinwireError(code || Code.Canceled, 'the call is over');
			this.overOut(s);
		}
	}

	/** Ends the streams of a call that is answered: with code 0 they go on to their end. */
	finish(party: Party, code: number): void {
		for (const s of [...party.outs]) {
			if (code === 0) this.endOut(s);
			else if (!s.ended) this.reset(s, new TwinwireError(code));
		}
	}

	/** Finds the stream of this side that a frame of the peer is about. */
	private about(f: Frame): Party | undefined {
		return (f.flags & F3 ? this.m.serving.running.get(f.id) : this.m.calls.running.get(f.id))?.party;
	}

	receiveWindow(f: Frame): void {
		const party = this.about(f);
		let s = party?.out(f.slot);
		if (party && !s && !party.callee && !party.streams && !party.of.canceled) {
			// The callee waits for what will not come (clause 12.4).
			s = this.open(party, f.slot, false);
			this.endOut(s);
		}
		if (!s || f.next <= s.limit) return;
		s.limit = f.next;
		this.activate(s);
	}

	receiveStop(f: Frame): void {
		const party = this.about(f);
		if (!party) return;
		const s = party.out(f.slot) ?? this.open(party, f.slot, false);
		if (s.over) return;
		s.error = rejection(f.code, f.payload);
		this.overOut(s);
	}

	// Receiving.

	/** Returns the stream of the peer in a slot of a call, which may not have begun. */
	incoming(party: Party, slot: number): InStream {
		let s = party.in(slot);
		if (s) return s;
		s = this.newIn(party, party.id, slot, !party.callee);
		party.ins.push(s);
		if (party.callee) this.due(s);
		return s;
	}

	private newIn(party: Party | undefined, id: number, slot: number, callee: boolean): InStream {
		return new InStream(party, id, slot, callee, this.m.config.own.stream);
	}

	/** Gives a call that has arrived the streams that arrived before it; undefined for one that is not run. */
	attachEarly(id: number, party: Party | undefined): void {
		const early = this.early;
		if (early.length === 0) return;
		this.early = early.filter((s) => s.id > id);
		for (const s of early) {
			if (s.id > id) continue;
			if (s.id === id && party) {
				s.party = party;
				party.ins.push(s);
			} else this.drop(s);
			if (s.error || (s.ended && s.consumed === s.received)) this.overIn(s);
		}
	}

	/** Takes DATA or RESET (clauses 12.2 and 12.6). */
	receive(f: Frame): void {
		const callee = (f.flags & F3) !== 0;
		const first = f.kind === Kind.Data && (f.flags & F2) !== 0;
		const of = callee ? this.m.calls.running.get(f.id) : this.m.serving.running.get(f.id);
		if (callee && f.id > this.m.calls.lastId) throw violation('stream of a call that was not made');
		if (first && ++this.opened > this.granted) throw violation('stream beyond the limit');
		const early = !callee && f.id > this.m.serving.lastId;
		if (!early && (!of || of.canceled || (!(of instanceof Call) && of.replied))) {
			if (first) this.countOver();
			return;
		}
		let s = of ? of.party.in(f.slot) : this.early.find((s) => s.id === f.id && s.slot === f.slot);
		if (first && s?.begun) throw violation('stream began twice');
		if (!first && !s?.begun) throw violation('stream did not begin');
		if (!s) {
			s = this.newIn(of?.party, f.id, f.slot, callee);
			(of ? of.party.ins : this.early).push(s);
		}
		if (first) {
			s.begun = true;
			s.id = f.id;
			s.lane = f.lane;
			if (of instanceof Call && !of.party.streams && !s.stopped) {
				s.stopped = true;
				s.code = Code.NotImplemented;
			}
			if (s.stopped) {
				this.sendStop(s);
				this.overIn(s);
			}
		}
		if (s.ended) throw violation('stream went on after its end');
		if (s.lane !== f.lane) throw violation('stream changed its lane');
		if (f.kind === Kind.Reset) {
			s.ended = true;
			s.error = rejection(f.code, f.payload);
			s.chunks.length = 0;
			this.overIn(s);
		} else {
			s.received += f.payload.length;
			if (s.received > s.limit) throw violation('stream beyond its window');
			s.ended = (f.flags & F4) !== 0;
			if (first && !s.ended && !s.stopped) {
				this.grow(s, Math.min(fastWindow - s.window, this.spare / 4));
				this.grant(s, s.window);
			}
			if (!s.stopped) {
				if (f.payload.length > 0) s.chunks.push(f.payload);
				if (s.ended && s.consumed === s.received) this.overIn(s);
			}
		}
		s.wake();
		if (s.ended || s.stopped) this.m.calls.release();
	}

	/** Says that the application has taken n bytes more. */
	consume(s: InStream, n: number): void {
		s.consumed += n;
		if (s.counted || this.m.ended) return;
		if (s.ended) {
			if (s.consumed === s.received) this.overIn(s);
			return;
		}
		// A quarter of the window at a time, but at once where the peer may be waiting for it.
		if (s.consumed + s.window - s.limit < s.window / 4 && s.received < s.limit) return;
		if (s.consumed === s.received) this.grow(s, s.window);
		this.grant(s, s.consumed + s.window);
	}

	private grow(s: InStream, by: number): void {
		const n = Math.floor(Math.min(by, limits.streamWindow - s.window, this.spare));
		if (n <= 0) return;
		this.spare -= n;
		s.window += n;
	}

	private grant(s: InStream, limit: number): void {
		if (limit <= s.limit) return;
		s.limit = limit;
		this.due(s);
	}

	private due(s: InStream): void {
		if (s.windowDue) return;
		s.windowDue = true;
		this.windows.push(s);
	}

	/** Says that nobody here wants more of a stream (clause 12.7). */
	stop(s: InStream, code: number): void {
		if (s.stopped || s.counted || this.m.ended) return;
		this.drop(s);
		s.code = code;
		if (s.ended) this.overIn(s);
		else if (s.begun) {
			this.sendStop(s);
			this.overIn(s);
		} else if (s.party?.id) {
			s.id = s.party.id;
			this.sendStop(s);
		}
		this.m.calls.release();
	}

	private drop(s: InStream): void {
		s.stopped = true;
		s.chunks.length = 0;
		s.error ??= new TwinwireError(Code.Canceled, 'the call is over');
		s.wake();
	}

	private sendStop(s: InStream): void {
		if (s.stopSent) return;
		s.stopSent = true;
		this.m.queue.push(new Stop(s, none));
	}

	private overIn(s: InStream): void {
		if (s.counted || !s.begun || (!s.party && !s.stopped)) return;
		s.counted = true;
		this.spare += s.window - this.m.config.own.stream;
		this.countOver();
	}

	/** Lets the peer begin another stream (clause 12.5). */
	private countOver(): void {
		const { streams } = this.m.config.own;
		const limit = ++this.over + streams;
		if (limit - this.granted < streams / 4 && this.opened !== this.granted) return;
		this.granted = limit;
		this.m.control.streams = true;
	}

	/** Ends the streams of the peer of a call that is over; what has arrived is dropped. */
	dropIns(party: Party): void {
		for (const s of party.ins) {
			if (!s.counted || s.chunks.length > 0) this.drop(s);
			this.overIn(s);
		}
	}

	/** Ends those that did not begin, of a call that was answered. */
	endIns(party: Party): void {
		for (const s of party.ins) {
			if (!s.begun) s.ended = true;
			s.wake();
		}
	}

	/** Writes the WINDOWs that are due (clause 12.4). */
	putWindows(put: (f: Partial<Frame>) => void): void {
		const due = this.windows.splice(0, 512);
		for (const s of due) {
			s.windowDue = false;
			if (!s.counted && !s.ended) put({ kind: Kind.Window, flags: s.callee ? F3 : 0, id: s.id || s.party?.id || 0, slot: s.slot, next: s.limit });
		}
	}

	/** Has the windows of all streams sent again (clause 14.4). */
	renew(): void {
		const parties = [...this.m.calls.running.values(), ...this.m.serving.running.values()].map((v) => v.party);
		for (const s of [...this.early, ...parties.flatMap((p) => p.ins)]) if (!s.ended && !s.counted && (s.begun || !s.callee)) this.due(s);
	}

	/** The end of the session. */
	end(error: TwinwireError): void {
		const parties = [...this.m.calls.running.values(), ...this.m.serving.running.values()].map((v) => v.party);
		for (const p of parties) {
			for (const s of p.outs) {
				s.error ??= error;
				this.overOut(s);
			}
			for (const s of p.ins) {
				if (!s.ended) s.error ??= error;
				s.wake();
			}
		}
	}
}
