import { Frame, numbered, putFrame } from '../frame/frame.js';
import { F1, Kind, maxLanes, maxPayload } from '../frame/layout.js';
import type { Lane } from './lane.js';
import type { Machine } from './machine.js';
import type { Item } from './message.js';

/**
 * When a batch is full. A frame that is begun below it is finished, and what
 * the end may need fits behind it: a batch is at most 65,536 bytes (clause 2.5).
 */
const target = 31 << 10;
const most = 64 << 10;
/** What messages and streams each take before it is the others' turn. */
const share = 16 << 10;

const encoder = new TextEncoder();
const none = new Uint8Array(0);
const scratch = new Uint8Array(most);

/** Puts what waits into batches. */
export class Batcher {
	private readonly f = new Frame();
	private at = 0;
	/** What is kept of the batch for another carrier: lane and the range of each frame. */
	private marks: [Lane, number, number][] = [];

	constructor(private readonly m: Machine) {}

	batch(pipe: number, now: number): Uint8Array | undefined {
		const m = this.m;
		this.at = 0;
		m.heartbeat.sending(now);
		if (m.carries(pipe, 0)) this.control();
		if (pipe !== 0 && m.binding.independent && !(m.lanes[pipe] as Lane).bound) {
			const asked = (m.lanes[pipe] as Lane).asked;
			if (!m.control.attached || !(asked || (!m.silent && this.wants(pipe)))) return undefined;
			this.bind(pipe, 0);
		}
		this.acks(pipe);
		if (!m.silent) {
			this.messages(pipe, now);
			if (m.closing && m.carries(pipe, 0) && this.drained()) this.close(m.closing.code, m.closing.reason);
		}
		return this.finish();
	}

	private finish(): Uint8Array | undefined {
		if (this.at === 0) return undefined;
		const b = scratch.slice(0, this.at);
		for (const [lane, from, to] of this.marks) lane.keep(b.subarray(from, to));
		this.marks = [];
		return b;
	}

	/** Writes the frame that f is, or that fields say, in a lane, and numbers it. */
	private put(lane: number, f: Frame): void {
		f.lane = lane;
		const from = this.at;
		if (!numbered(f.kind)) {
			this.at = putFrame(scratch, from, f);
			return;
		}
		const l = this.m.lanes[lane] as Lane;
		f.seq = l.sent++;
		this.at = putFrame(scratch, from, f);
		if (this.m.config.keeps) this.marks.push([l, from, this.at]);
	}

	private fresh(): Frame {
		const f = this.f;
		f.flags = f.id = f.code = f.ref = f.size = f.millis = f.next = f.slot = 0;
		f.name = f.meta = f.payload = none;
		return f;
	}

	private bind(lane: number, flags: number): void {
		this.put(lane, new Frame(Kind.Attach, { flags, id: this.m.binding.generation }));
		for (const l of flags ? this.m.lanes : [this.m.lanes[lane] as Lane]) l.bound = true;
	}

	private control(): void {
		const m = this.m;
		const c = m.control;
		if (!c.attached) {
			c.attached = true;
			this.bind(0, m.binding.independent ? 0 : F1);
		}
		if (m.silent) return;
		const put = (fields: Partial<Frame>): void => this.put(0, new Frame(0, fields));
		if (c.ping) put({ kind: Kind.Ping, id: c.token });
		for (const { id, exact } of c.pongs) put({ kind: Kind.Pong, id, exact });
		for (const r of c.renewal) put(r);
		if (c.messages) put({ kind: Kind.Credit, id: 0, next: m.serving.messagesGranted });
		if (c.large) put({ kind: Kind.Credit, id: 1, next: m.largeGranted });
		if (c.streams) put({ kind: Kind.Credit, id: 2, next: m.streams.granted });
		c.ping = c.messages = c.large = c.streams = false;
		c.pongs = [];
		c.renewal = [];
		m.streams.putWindows(put);
	}

	/** Acknowledges what is owed, if a batch is sent anyway or it is due (clause 4.2). */
	private acks(pipe: number): void {
		const m = this.m;
		const wanted = this.at > 0 || (!m.silent && m.lanes.some((_, i) => m.carries(pipe, i) && this.wants(i)));
		m.lanes.forEach((l, i) => {
			const here = m.binding.independent && !l.bound ? pipe === 0 : m.carries(pipe, i) || (pipe === 0 && m.goodbye);
			if (here && (l.due || (l.owes && (wanted || m.goodbye)))) {
				this.put(i, new Frame(Kind.Ack, { next: l.next }));
				l.acknowledged();
			}
		});
	}

	/** Whether something waits for a lane. */
	private wants(lane: number): boolean {
		const m = this.m;
		const l = m.lanes[lane] as Lane;
		if (l.replays || (l.asked && !l.bound)) return true;
		return m.open(lane) && (m.streams.wants(lane) || (lane === m.call && (m.queue.first !== undefined || m.parts.first !== undefined || this.credited())));
	}

	/** Whether the first large message that waits has credit. */
	private credited(): boolean {
		const it = this.m.credit.first;
		return it !== undefined && this.m.largeReserved + it.payload.length <= this.m.largeLimit;
	}

	private messages(pipe: number, now: number): void {
		const m = this.m;
		for (let progress = true; progress && this.at < target; ) {
			progress = this.replays(pipe);
			if (m.carries(pipe, m.call)) {
				progress = this.queued(now) || progress;
				progress = (this.at < target && this.large(now)) || progress;
			}
			progress = (this.at < target && this.stream(pipe)) || progress;
		}
	}

	/** Sends one frame of each lane again. */
	private replays(pipe: number): boolean {
		let progress = false;
		this.m.lanes.forEach((l, i) => {
			if (!l.replays || !this.m.carries(pipe, i) || !l.bound || this.at >= target) return;
			const b = l.kept[l.again++] as Uint8Array;
			scratch.set(b, this.at);
			this.at += b.length;
			progress = true;
		});
		return progress;
	}

	/** Sends what is small on the call lane, in order. */
	private queued(now: number): boolean {
		const m = this.m;
		const from = this.at;
		let progress = false;
		while (this.at < target && this.at - from < share && m.open(m.call)) {
			const it = m.queue.shift();
			if (!it) break;
			progress = true;
			// Large ones go on beside the others, once they have credit.
			if (it.large) m.credit.push(it);
			else this.item(it, now);
		}
		return progress;
	}

	/** Sends one frame of a large message; they take turns. */
	private large(now: number): boolean {
		const m = this.m;
		if (!m.open(m.call)) return false;
		while (this.credited()) {
			const it = m.credit.shift() as Item;
			it.reserved = true;
			m.largeReserved += it.payload.length;
			m.parts.push(it);
		}
		const it = m.parts.shift();
		if (!it) return false;
		this.item(it, now);
		if (!it.whole) m.parts.push(it);
		return true;
	}

	/** Sends the next frame of an item. */
	private item(it: Item, now: number): void {
		const f = this.fresh();
		const { payload, off } = it;
		const to = Math.min(payload.length, off + maxPayload);
		if (off > 0) {
			f.kind = Kind.More;
			f.flags = it.of;
			f.id = it.id;
		} else {
			f.id = it.id;
			it.head(f, now);
			if (to < payload.length) f.size = payload.length;
		}
		if (to < payload.length) f.flags |= F1;
		f.payload = payload.subarray(off, to);
		it.off = to;
		this.put(this.m.call, f);
		if (to < payload.length) return;
		it.whole = true;
		it.end = this.m.callLane.sent;
		it.sent();
	}

	/** Sends one frame of a stream; they take turns. */
	private stream(pipe: number): boolean {
		const m = this.m;
		const from = this.at;
		while (this.at < target && this.at - from < share) {
			const f = this.fresh();
			const s = m.streams.next(f, (lane) => m.carries(pipe, lane) && m.open(lane));
			if (!s) break;
			this.put(s.lane, f);
			m.streams.sentFrame(s, f);
		}
		return this.at > from;
	}

	/** Whether nothing waits before CLOSE. */
	private drained(): boolean {
		const m = this.m;
		return !m.queue.first && !m.credit.first && !m.parts.first && !m.serving.waits && !m.lanes.some((l) => l.replays);
	}

	/** Writes the goodbye, with what this side has received and sent (clause 8.2). */
	private close(code: number, reason: string): void {
		const { lanes } = this.m;
		this.m.closeSent = true;
		lanes.forEach((l, i) => {
			if (l.next === 0) return;
			this.put(i, new Frame(Kind.Ack, { next: l.next }));
			l.acknowledged();
		});
		this.put(0, new Frame(Kind.Close, { code, name: encoder.encode(reason.slice(0, 40)), nexts: lanes.slice(0, maxLanes).map((l) => l.sent) }));
	}
}
