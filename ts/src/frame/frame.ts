import { must } from '../error.js';
import { type FieldName, F1, Kind, layouts, maxPayload, packedBit } from './layout.js';
import { type Cursor, getString, getVarint, none, putVarint } from './varint.js';

/** One frame. What its kind does not have is zero or empty. */
export class Frame {
	flags = 0;
	lane = 0;
	seq = 0;
	id = 0;
	code = 0;
	ref = 0;
	size = 0;
	millis = 0;
	next = 0;
	slot = 0;
	version = 0;
	nexts: readonly number[] = [];
	name = none;
	meta = none;
	payload = none;
	/** The payload is compressed. */
	packed = false;

	constructor(
		public kind: number,
		fields?: Partial<Frame>,
	) {
		Object.assign(this, fields);
	}
}

/** Whether the frames of a kind are numbered (clause 2.2). */
export const numbered = (kind: number): boolean => (kind & 0x40) > 0;

/** Whether the reference of a frame is followed by a name (clause 6.2). */
export const named = (f: Frame): boolean => f.ref % 2 > 0 || !f.ref;

/** When to try again, in milliseconds, where a frame says so. */
export const retryAfter = (f: Frame): number | undefined => (f.flags & F1 ? f.millis : undefined);

const present = (f: Frame, flag: number): boolean => (flag === 1 ? named(f) : (f.flags & flag) === flag);

/** Writes a frame of a known kind, and returns where it ends. The frame must be a valid one. */
export function putFrame(b: Uint8Array, at: number, f: Frame): number {
	const body = at + 4; // it moves back when its length is known
	let p = body;
	const put = (v: number): void => void (p = putVarint(b, p, v));
	b[p++] = f.packed ? f.kind | packedBit : f.kind;
	b[p++] = f.lane | f.flags;
	if (numbered(f.kind)) put(f.seq);
	for (const [field, flag] of layouts[f.kind]?.fields ?? []) {
		const v = f[field];
		if (!present(f, flag)) continue;
		if (typeof v === 'number') put(v);
		else {
			if (field !== 'payload') put(v.length);
			if (field === 'nexts') f.nexts.forEach(put);
			else {
				b.set(v, p);
				p += v.length;
			}
		}
	}
	const start = putVarint(b, at, p - body);
	b.copyWithin(start, body, p);
	return start + p - body;
}

/** Encodes one frame. */
export function encodeFrame(f: Frame): Uint8Array {
	const b = new Uint8Array(f.payload.length + maxPayload);
	return b.slice(0, putFrame(b, 0, f));
}

/** Returns the bytes of the frame that begins at b[at], or 0 if there are too few to tell. */
export function frameLength(b: Uint8Array, at: number): number {
	const c = { b, at, end: b.length };
	if (at >= c.end || at + (1 << ((b[at] as number) >> 6)) > c.end) return 0;
	const body = getVarint(c);
	must(body >= 2 && body <= 2 * maxPayload, 2.1);
	return c.at - at + body;
}

/** The most that a field may be (clauses 1.2, 2.3, 6.2, 6.3, 9.1 and 12.1). */
const most: { readonly [field in FieldName]?: number } = { code: 4095, nexts: 8, slot: 255, meta: 8192, name: 255 };

/**
 * Reads the frame that begins at b[at], and returns it and where it ends. What is
 * ignored has its kind, lane and, if numbered, its sequence only. Strings and
 * payload are views of b.
 */
export function parseFrame(b: Uint8Array, at: number): [frame: Frame, end: number] {
	const size = frameLength(b, at);
	const end = at + size;
	const c: Cursor = { b, at, end };
	const check = (ok: boolean): void => must(ok, 2.6);
	const number = (): number => {
		const v = getVarint(c);
		check(v >= 0);
		return v;
	};
	check(size > 0 && end <= b.length);
	getVarint(c);
	let kind = b[c.at++] as number;
	const unpacked = kind & ~packedBit;
	const packed = !layouts[kind] && layouts[unpacked]?.packs === true;
	if (packed) kind = unpacked;
	const second = b[c.at++] as number;
	const f = new Frame(kind, { packed, lane: second & 7, flags: second & 0xf8 });
	const l = layouts[kind];
	check(l ? !(f.flags & ~l.flags) && !(l.control && f.lane) : kind > 127);
	if (numbered(kind)) f.seq = number();
	if (!l) return [f, end];
	for (const [field, flag] of l.fields) {
		if (!present(f, flag)) continue;
		if (field === 'payload') f.payload = b.subarray(c.at, (c.at = end));
		else if (field === 'name' || field === 'meta') f[field] = getString(c, flag || field === 'meta' ? (most[field] as number) : 120);
		else {
			const v = number();
			// That of a REPLY is a number of streams.
			const count = field === 'slot' && kind === Kind.Reply ? 1 : 0;
			check(v >= (field === 'size' ? maxPayload + 1 : count) && v <= (most[field] ?? v) + count);
			if (field === 'nexts') f.nexts = Array.from({ length: v }, number);
			else f[field] = v;
		}
	}
	const n = f.payload.length;
	// Every part but the last is a full one (clauses 2.4 and 16.3).
	check(c.at === end && (packed ? n > 0 && n < maxPayload : f.flags & F1 && l.packs ? n === maxPayload : n <= maxPayload));
	return [f, end];
}
