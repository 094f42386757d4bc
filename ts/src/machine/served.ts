import { Code, must, TwinwireError } from '../error.js';
import { Frame } from '../frame/frame.js';
import { F1, F2, F3, F4, Kind } from '../frame/layout.js';
import { decodeMetadata, type Metadata } from '../frame/metadata.js';
import { none } from '../frame/varint.js';
import { Limit, type Party, type Serving } from './config.js';
import { messageShare } from './calls.js';
import { resolve } from './lane.js';
import type { Machine } from './machine.js';
import { begin, Of } from './parts.js';
import { closedOut, dropIns, dropOuts, type InStream, type OutStream, reset, stop } from './streams.js';

/** A call or a message of the peer, from its start to its reply. */
export class Served implements Party {
	readonly callee = true;
	readonly outs: OutStream[] = [];
	ins: InStream[] = [];
	began = 0;
	settled = false;
	method = '';
	payload = none;
	metadata: Metadata = {};
	oneWay = false;
	ordered = false;
	/** When the time for the call is up, 0 for never. */
	deadline = 0;
	/** The bytes that its arguments have of the credit for large messages. */
	large = 0;
	/** What a message takes of the window (clause 5.4). */
	share = 0;
	replied = false;
	/** The reply waits for the streams of this side (clause 12.8). */
	reply: (() => void) | undefined;
	/** Called when the caller does not wait any more. */
	onCancel: ((code: number) => void) | undefined;

	constructor(readonly id: number) {}
}

/** The calls and messages of the peer (clauses 5 and 6). */
export class ServedCalls implements Serving {
	private lastId = 0;
	/** Calls, from their arrival until their reply is sent. */
	private readonly running = new Map<number, Served>();
	/** Calls of which streams arrived before them (clause 12.3). */
	private readonly early = new Map<number, Served>();
	private refused = 0;
	private replyBytes = 0;

	constructor(
		private readonly m: Machine,
		private readonly now: () => number,
		private readonly serve: (call: Served) => void,
	) {}

	party(id: number, begins: boolean): Served | undefined {
		if (id <= this.lastId) return this.running.get(id);
		const v = this.early.get(id) ?? (begins ? new Served(id) : undefined);
		if (v) this.early.set(id, v);
		return v;
	}

	parties(): Served[] {
		return [...this.running.values(), ...this.early.values()];
	}

	receive(f: Frame): void {
		const { m } = this;
		const { id, flags } = f;
		if (f.kind === Kind.Cancel) return this.cancel(f);
		const method = resolve(m.callLane, f, m.own.names);
		must(method, 6.2);
		const oneWay = f.kind === Kind.Message;
		if (!oneWay || flags & F1) {
			if (id <= this.lastId) return this.refuse(f, Code.BadRequest);
			this.lastId = id;
		}
		const share = messageShare(Math.max(f.payload.length, f.size), m.own.msgs);
		if (oneWay ? !m.messages.take(share) : this.running.size >= m.own.calls) return this.refuse(f, Code.ResourceExhausted);
		const v = this.early.get(id) ?? new Served(id);
		for (const [other, { ins }] of this.early) {
			if (other > id) continue;
			this.early.delete(other);
			if (other < id) dropIns(m, { ins } as Party);
		}
		v.method = method;
		v.oneWay = oneWay;
		v.share = share;
		v.ordered = !(flags & F4);
		if (flags & F2) v.metadata = decodeMetadata(f.meta);
		if (!oneWay) {
			if (flags & F3) v.deadline = this.now() + Math.min(f.millis, 2 ** 40);
			this.running.set(id, v);
		}
		v.large = f.size;
		must(m.large.take(f.size), 5.5);
		begin(m, f, Of.Call, (payload) => {
			if (!oneWay && m.closing) return this.reply(v, Code.Unavailable, none, none);
			v.payload = payload;
			if (!v.replied) this.serve(v);
		});
	}

	/** Answers a call that is not run. */
	private refuse(f: Frame, code: number): void {
		must(f.kind !== Kind.Message && !(f.flags & F1) && ++this.refused <= this.m.own.calls, 6.1);
		this.push(f.id, code, none, none, undefined);
	}

	private push(id: number, code: number, payload: Uint8Array, meta: Uint8Array, v: Served | undefined): void {
		this.replyBytes += payload.length;
		this.m.queue.push({
			payload,
			off: 0,
			end: 0,
			id,
			more: F2,
			head: () => {
				const slot = v?.began ?? 0;
				return new Frame(Kind.Reply, { id, code, meta, slot, flags: (meta.length ? F2 : 0) | (slot ? F4 : 0) });
			},
			sent: () => {
				this.replyBytes -= payload.length;
				if (v) this.running.delete(id);
				else this.refused--;
			},
		});
	}

	/** Takes a CANCEL (clause 6.8). */
	private cancel(f: Frame): void {
		const v = this.running.get(f.id);
		if (!v || v.settled) return;
		v.settled = true;
		dropOuts(this.m, v, new TwinwireError(Code.Canceled));
		dropIns(this.m, v);
		if (this.m.partial.delete(-f.id)) this.reply(v, Code.Canceled, none, none);
		else if (!v.replied) v.onCancel?.(f.code);
	}

	/** Queues the answer to a call, behind the streams of this side. */
	reply(v: Served, code: number, payload: Uint8Array, meta: Uint8Array): void {
		const { m } = this;
		if (v.replied) return;
		v.replied = true;
		if (v.large) m.large.free(v.large);
		if (v.oneWay) return m.messages.free(v.share);
		if (m.ended) return;
		const refused = payload.length > m.peer.max ? Code.TooLarge : this.replyBytes && this.replyBytes + payload.length > Limit.ReplyBytes ? Code.ResourceExhausted : 0;
		v.reply = () => (refused ? this.push(v.id, refused, none, none, v) : this.push(v.id, code, payload, meta, v));
		for (const s of v.outs.slice()) {
			if (code || refused) {
				if (!s.ended) reset(m, s, new TwinwireError(code || refused));
			} else if (!closedOut(s)) s.ended = true;
		}
		if (v.outs.some((s) => !s.over)) for (const s of v.ins) stop(m, s, code);
		this.ready(v);
	}

	/** Queues a reply whose streams have been sent. */
	ready(v: Party): void {
		const served = v as Served;
		const { reply } = served;
		if (!reply || v.outs.some((s) => !s.over)) return;
		served.reply = undefined;
		dropIns(this.m, v);
		v.settled = true;
		reply();
	}

	get waits(): boolean {
		return this.parties().some((v) => v.reply);
	}

	end(): void {
		for (const v of this.running.values()) if (!v.replied) v.onCancel?.(Code.Unavailable);
	}
}
