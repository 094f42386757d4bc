import { Code, violation } from '../error.js';
import { decodeMetadata, type Metadata } from '../frame/metadata.js';
import type { Frame } from '../frame/frame.js';
import { F1, F2, F3, F4, Kind, maxPayload } from '../frame/layout.js';
import { putVarint, varintSize } from '../frame/varint.js';
import { limits } from './config.js';
import type { Lane } from './lane.js';
import type { Machine } from './machine.js';
import { Item, messageShare, Parts } from './message.js';
import { Party } from './streams.js';

const none = new Uint8Array(0);
const encoder = new TextEncoder();

/** A call or a message of the peer, from its start to its reply. */
export class Served {
	readonly party: Party;
	payload: Uint8Array = none;
	metadata: Metadata = {};
	parts: Parts | undefined;
	/** What a message takes of the window (clause 5.4). */
	share = 0;
	replied = false;
	canceled = false;
	/** The reply waits for the streams of this side (clause 12.8). */
	reply: Reply | undefined;
	/** Called when the caller does not wait any more. */
	onCancel: ((code: number) => void) | undefined;

	constructor(
		readonly method: string,
		readonly id: number,
		readonly oneWay: boolean,
		readonly ordered: boolean,
		/** When the time for the call is up, 0 for never. */
		readonly deadline: number,
	) {
		this.party = new Party(true, this);
		this.party.id = id;
	}
}

/** The payload of a rejection (clause 6.7). */
export function rejectionOf(text: string, details: Uint8Array = none): Uint8Array {
	let utf8 = encoder.encode(text);
	if (utf8.length > 1024) {
		let n = 1024;
		while (((utf8[n] as number) & 0xc0) === 0x80) n--;
		utf8 = utf8.subarray(0, n);
	}
	const rest = details.length > 4096 ? none : details;
	if (utf8.length + rest.length === 0) return none;
	const b = new Uint8Array(varintSize(utf8.length) + utf8.length + rest.length);
	const at = putVarint(b, 0, utf8.length);
	b.set(utf8, at);
	b.set(rest, at + utf8.length);
	return b;
}

class Reply extends Item {
	override readonly of = F2;

	constructor(
		override readonly id: number,
		public code: number,
		payload: Uint8Array,
		private readonly meta: Uint8Array,
		/** Undefined for a call that was not run. */
		private readonly call: Served | undefined,
		private readonly serving: Serving,
	) {
		super(payload);
	}

	head(f: Frame): void {
		f.kind = Kind.Reply;
		f.code = this.code;
		f.meta = this.meta;
		f.slot = this.call?.party.began ?? 0;
		f.flags = (this.meta.length > 0 ? F2 : 0) | (f.slot > 0 ? F4 : 0);
	}

	override sent(): void {
		this.serving.sent(this, this.call);
	}
}

/** The calls and messages of the peer (clauses 5 and 6). */
export class Serving {
	lastId = 0;
	/** Calls, from their arrival until their reply is sent. */
	readonly running = new Map<number, Served>();
	private readonly partial = new Map<number, Served>();
	private refused = 0;
	private replyBytes = 0;
	private messages = 0;
	private messagesDone = 0;
	messagesGranted: number;

	constructor(private readonly m: Machine) {
		this.messagesGranted = m.config.own.messages;
	}

	/** Takes a CALL or a MESSAGE. */
	receive(f: Frame, lane: Lane, now: number): void {
		const { own } = this.m.config;
		const method = lane.resolve(f, own.names, false);
		const oneWay = f.kind === Kind.Message;
		const hasId = !oneWay || (f.flags & F1) !== 0;
		if (hasId) {
			if (f.id <= this.lastId) return this.refuse(f, Code.BadRequest, 'duplicate call id');
			this.lastId = f.id;
		}
		const metadata = f.flags & F2 ? decodeMetadata(f.meta) : {};
		let share = 0;
		if (oneWay) {
			share = messageShare(Math.max(f.payload.length, f.size), own.messages);
			this.messages += share;
			if (this.messages > this.messagesGranted) throw violation('message beyond the window');
		} else if (this.running.size >= own.calls) {
			this.m.streams.attachEarly(f.id, undefined);
			return this.refuse(f, Code.ResourceExhausted, 'call beyond the window');
		}
		const deadline = !oneWay && f.flags & F3 ? now + Math.min(f.millis, 2 ** 40) : 0;
		const v = new Served(method, f.id, oneWay, (f.flags & F4) === 0, deadline);
		v.metadata = metadata;
		v.share = share;
		if (!oneWay) this.running.set(f.id, v);
		if (hasId) this.m.streams.attachEarly(f.id, oneWay ? undefined : v.party);
		if (f.flags & F1) {
			this.m.reserve(f.size);
			v.parts = new Parts(f.size);
			v.parts.add(f);
			this.partial.set(f.id, v);
		} else this.start(v, f.payload);
	}

	more(f: Frame): void {
		const v = this.partial.get(f.id);
		if (!v) throw violation('part of a message that was not begun');
		const payload = v.parts?.add(f);
		if (!payload) return;
		this.partial.delete(f.id);
		this.start(v, payload);
	}

	private start(v: Served, payload: Uint8Array): void {
		if (!v.oneWay && this.m.closing) return this.reply(v, Code.Unavailable, rejectionOf('session is closing'), none);
		v.payload = payload;
		this.m.effects.push(() => this.m.config.listener.serve(v));
	}

	/** Answers a call that is not run. */
	private refuse(f: Frame, code: number, text: string): void {
		if (f.kind === Kind.Message || f.flags & F1) throw violation(text);
		if (++this.refused > this.m.config.own.calls) throw violation('too many calls that cannot be run');
		this.m.queue.push(new Reply(f.id, code, rejectionOf(text), none, undefined, this));
	}

	/** Takes a CANCEL (clause 6.8). */
	cancel(f: Frame): void {
		const v = this.running.get(f.id);
		if (!v || v.canceled) return;
		v.canceled = true;
		this.m.streams.dropOuts(v.party, Code.Canceled);
		this.m.streams.dropIns(v.party);
		if (this.partial.delete(f.id)) this.reply(v, Code.Canceled, none, none);
		else if (!v.replied) v.onCancel?.(f.code);
	}

	/** Queues the answer to a call, behind the streams of this side. */
	reply(v: Served, code: number, payload: Uint8Array, meta: Uint8Array): void {
		if (v.replied) return;
		v.replied = true;
		if (v.parts) this.m.consumedLarge(v.parts.size);
		if (v.oneWay) return this.consumed(v.share);
		if (this.m.ended) return;
		let reply = new Reply(v.id, code, payload, meta, v, this);
		if (payload.length > this.m.config.peer.max) reply = new Reply(v.id, Code.TooLarge, rejectionOf('reply is larger than the caller accepts'), none, v, this);
		else if (this.replyBytes > 0 && this.replyBytes + payload.length > limits.replyBytes) reply = new Reply(v.id, Code.ResourceExhausted, rejectionOf('too many replies wait to be sent'), none, v, this);
		this.replyBytes += reply.payload.length;
		v.reply = reply;
		this.m.streams.finish(v.party, reply.code);
		if (v.party.sending) for (const s of v.party.ins) this.m.streams.stop(s, reply.code);
		this.ready(v);
	}

	/** Queues a reply whose streams have been sent. */
	ready(v: Served): void {
		if (!v.reply || v.party.sending) return;
		this.m.streams.dropIns(v.party);
		this.m.queue.push(v.reply);
		v.reply = undefined;
	}

	/** Whether replies wait for streams. */
	get waits(): boolean {
		for (const v of this.running.values()) if (v.reply) return true;
		return false;
	}

	sent(reply: Reply, v: Served | undefined): void {
		if (!v) {
			this.refused--;
			return;
		}
		this.replyBytes -= reply.payload.length;
		this.running.delete(v.id);
	}

	/** Lets the peer send another message (clause 5.4). */
	private consumed(share: number): void {
		const { messages } = this.m.config.own;
		const limit = (this.messagesDone += share) + messages;
		if (limit - this.messagesGranted < messages / 4 && this.messagesGranted - this.messages >= messageShare(maxPayload, messages)) return;
		this.messagesGranted = limit;
		this.m.control.messages = true;
	}

	end(): void {
		for (const v of this.running.values()) if (!v.replied) v.onCancel?.(Code.Unavailable);
		this.partial.clear();
	}
}
