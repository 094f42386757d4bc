import { Frame, numbered, putFrame } from '../frame/frame.js';
import { F1, F3, Kind, maxPayload } from '../frame/layout.js';
import { utf8 } from '../frame/varint.js';
import { isLarge, type Item } from './calls.js';
import { ackFrames, ackSent, type Lane } from './lane.js';
import { isOpen, type Machine, silent } from './machine.js';
import { nextOut, outFrame } from './streams.js';
import { sending } from './watch.js';

/**
 * When a batch is full. A frame that is begun below it is finished, and what
 * the end may need fits behind it: a batch is at most 65,536 bytes, which is within clause 2.5.
 */
const target = 31 << 10;
const most = 64 << 10;
/** What messages and streams each take before it is the others' turn. */
const share = 16 << 10;

/** The batch that is being made, and what of it is kept for another carrier: lane and range of each frame. */
const scratch = /* @__PURE__ */ new Uint8Array(most);
let at = 0;
let marks: [Lane, number, number][] = [];

/** Writes a frame in a lane, and numbers it. */
function put(m: Machine, l: Lane, f: Frame): void {
	const from = at;
	f.lane = l.number;
	if (numbered(f.kind)) f.seq = l.sent++;
	at = putFrame(scratch, at, f);
	if (m.keeps && numbered(f.kind)) marks.push([l, from, at]);
}

function raw(b: Uint8Array): void {
	scratch.set(b, at);
	at += b.length;
}

/** Returns the next batch of a pipe, if there is something to send. */
export function batch(m: Machine, pipe: number, now: number): Uint8Array | undefined {
	if (m.ended || m.detached) return undefined;
	at = 0;
	marks = [];
	sending(m, now);
	const { independent } = m.binding;
	const lanes = independent ? m.lanes.slice(pipe, pipe + 1) : m.lanes;
	if (!pipe) control(m, independent);
	else if (!lanes[0]?.bound) {
		if (!m.attached || !lanes[0]?.asked && (silent(m) || !wants(m, lanes[0] as Lane))) return undefined;
		attach(m, lanes, 0);
	}
	// What is due is acknowledged, and all lanes are where something is sent anyway: in its batch, because one more would cost as much as a call (clause 4.2).
	const anyway = at > 0 || m.goodbye || (!silent(m) && lanes.some((l) => wants(m, l)));
	for (const l of m.lanes) if (l.next !== l.told && (anyway || l.owed >= ackFrames)) ack(m, l);
	if (!silent(m)) {
		messages(m, lanes, now);
		if (m.closing && !pipe && !m.queue.length && !m.credit.length && !m.parts.length && !m.serving?.waits && m.lanes.every((l) => l.again >= l.kept.length)) goodbye(m, m.closing);
	}
	if (!at) return undefined;
	const b = scratch.slice(0, at);
	for (const [l, from, to] of marks) {
		l.kept.push(b.subarray(from, to));
		l.keptBytes += to - from;
		l.again = l.kept.length;
	}
	return b;
}

/** Binds lanes to the carrier (clause 4.5). */
function attach(m: Machine, lanes: readonly Lane[], flags: number): void {
	put(m, lanes[0] as Lane, new Frame(Kind.Attach, { flags, id: m.binding.gen }));
	for (const l of lanes) l.bound = true;
}

/** Writes what lane 0 has to say. */
function control(m: Machine, independent: boolean): void {
	const first = m.lanes[0] as Lane;
	if (!m.attached) {
		m.attached = true;
		attach(m, independent ? [first] : m.lanes, independent ? 0 : F1);
	}
	if (!silent(m)) {
		for (const f of m.control.splice(0, 64)) f instanceof Frame ? put(m, first, f) : raw(f);
		for (const { id, granted } of m.credits) put(m, first, new Frame(Kind.Credit, { id, next: granted }));
		m.credits.clear();
		for (const s of m.windows) {
			if (at > share) break;
			m.windows.delete(s);
			put(m, first, new Frame(Kind.Window, { flags: s.party.callee ? 0 : F3, id: s.party.id, slot: s.slot, next: s.limit }));
		}
	}
}

function ack(m: Machine, l: Lane): void {
	put(m, l, new Frame(Kind.Ack, { next: l.next }));
	ackSent(l);
}

/** Whether something waits for a lane. */
function wants(m: Machine, l: Lane): boolean {
	return l.again < l.kept.length || (isOpen(m, l) && (!!nextOut(m, (of) => of === l) || (l === m.callLane && (m.queue.length > 0 || m.parts.length > 0 || credited(m)))));
}

/** Whether the first large message that waits has credit (clause 5.5). */
function credited(m: Machine): boolean {
	const it = m.credit[0];
	return !!it && m.large.used + it.payload.length <= m.large.limit;
}

/** Writes frames of lanes: what is sent again, messages and streams in turns. */
function messages(m: Machine, lanes: readonly Lane[], now: number): void {
	for (let before = -1; before < at && at < target; ) {
		before = at;
		for (const l of lanes) if (l.again < l.kept.length && at < target) raw(l.kept[l.again++] as Uint8Array);
		const calls = lanes.includes(m.callLane);
		// What is small leaves in order; what is large goes on beside it, once it has credit.
		for (let from = at; calls && m.queue.length && at < target && at - from < share && isOpen(m, m.callLane); ) {
			const it = m.queue.shift() as Item;
			if (isLarge(it)) m.credit.push(it);
			else item(m, it, now);
		}
		if (calls && at < target && isOpen(m, m.callLane)) {
			let it: Item | undefined;
			if (credited(m)) {
				it = m.credit.shift() as Item;
				m.large.used += it.payload.length;
			} else it = m.parts.shift();
			if (it) {
				item(m, it, now);
				if (!it.end) m.parts.push(it);
			}
		}
		for (let from = at; at < target && at - from < share; ) {
			const s = nextOut(m, (l) => lanes.includes(l) && isOpen(m, l));
			if (!s) break;
			put(m, m.lanes[s.lane] as Lane, outFrame(m, s));
		}
	}
}

/** Writes the next frame of an item. */
function item(m: Machine, it: Item, now: number): void {
	const { payload, off } = it;
	const to = Math.min(payload.length, off + maxPayload);
	const f = off ? new Frame(Kind.More, { flags: it.more, id: it.id }) : it.head(now);
	if (to < payload.length) {
		f.flags |= F1;
		f.size = payload.length;
	}
	f.payload = payload.subarray(off, to);
	it.off = to;
	put(m, m.callLane, f);
	if (to < payload.length) return;
	it.end = m.callLane.sent;
	it.sent();
}

/** Writes the goodbye, with what this side has received and sent (clause 8.2). */
function goodbye(m: Machine, { code, reason }: { code: number; reason: string }): void {
	m.closeSent = true;
	for (const l of m.lanes) if (l.next) ack(m, l);
	put(m, m.lanes[0] as Lane, new Frame(Kind.Close, { code, name: utf8(reason.slice(0, 40)), nexts: m.lanes.map((l) => l.sent) }));
}
