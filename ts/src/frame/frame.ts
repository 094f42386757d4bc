import { violation } from '../error.js';
import { always, byRef, F1, Kind, type Layout, layouts, maxBody, maxCode, maxLanes, maxPayload, maxReason, type NumberField, packedBit } from './layout.js';
import { type Cursor, getVarint, putVarint, type Uint, varintSize } from './varint.js';

const none: Uint8Array = new Uint8Array(0);

/** One frame. What its kind does not have is zero or empty. */
export class Frame {
	kind = 0;
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
	nexts: readonly Uint[] = [];
	name: Uint8Array = none;
	meta: Uint8Array = none;
	payload: Uint8Array = none;
	/** The payload is compressed. */
	packed = false;
	/** The numbers that a number does not hold: their fields have about their value. */
	exact: { [field in NumberField | 'seq']?: bigint } | undefined;

	constructor(kind = 0, fields?: Partial<Frame>) {
		this.kind = kind;
		if (fields) Object.assign(this, fields);
	}
}

/** Whether the reference of a frame is followed by a name (clause 6.2). */
export const named = (f: Frame): boolean => (f.exact?.ref === undefined ? f.ref % 2 === 1 || f.ref === 0 : (f.exact.ref & 1n) === 1n);

/** Whether the frames of a kind are numbered, and may be ignored if it is not known (clause 2.2). */
export const numbered = (kind: number): boolean => (kind & 0x40) !== 0;
const ignorable = (kind: number): boolean => (kind & 0x80) !== 0;

const hasName = (l: Layout, f: Frame): boolean => (l.name === byRef ? named(f) : l.name === always || (l.name > 0 && (f.flags & l.name) !== 0));

const present = (l: Layout, i: number, flags: number): boolean => {
	const when = (l.numbers[i] as readonly [NumberField, number])[1];
	return (flags & when) === when;
};

/** Returns how many bytes of f are before its payload, without the length field. */
function headSize(f: Frame, l: Layout): number {
	let n = 2 + (numbered(f.kind) ? varintSize(f.exact?.seq ?? f.seq) : 0);
	l.numbers.forEach(([field], i) => {
		if (!present(l, i, f.flags)) return;
		if (field === 'nexts') n += f.nexts.reduce<number>((sum, v) => sum + varintSize(v), varintSize(f.nexts.length));
		else n += varintSize(f.exact?.[field] ?? f[field]);
	});
	if (hasName(l, f)) n += varintSize(f.name.length) + f.name.length;
	if (f.flags & l.meta) n += varintSize(f.meta.length) + f.meta.length;
	return n;
}

/** Returns how many bytes a frame takes. */
export function frameSize(f: Frame): number {
	const body = headSize(f, layouts[f.kind] as Layout) + f.payload.length;
	return varintSize(body) + body;
}

/** Writes a frame of a known kind, and returns where it ends. The frame must be a valid one. */
export function putFrame(b: Uint8Array, at: number, f: Frame): number {
	const l = layouts[f.kind] as Layout;
	let p = putVarint(b, at, headSize(f, l) + f.payload.length);
	b[p++] = f.packed ? f.kind | packedBit : f.kind;
	b[p++] = f.lane | f.flags;
	if (numbered(f.kind)) p = putVarint(b, p, f.exact?.seq ?? f.seq);
	for (let i = 0; i < l.numbers.length; i++) {
		if (!present(l, i, f.flags)) continue;
		const field = (l.numbers[i] as readonly [NumberField, number])[0];
		if (field === 'nexts') {
			p = putVarint(b, p, f.nexts.length);
			for (const v of f.nexts) p = putVarint(b, p, v);
		} else p = putVarint(b, p, f.exact?.[field] ?? f[field]);
	}
	if (hasName(l, f)) p = putString(b, p, f.name);
	if (f.flags & l.meta) p = putString(b, p, f.meta);
	b.set(f.payload, p);
	return p + f.payload.length;
}

function putString(b: Uint8Array, at: number, s: Uint8Array): number {
	const p = putVarint(b, at, s.length);
	b.set(s, p);
	return p + s.length;
}

/** Encodes one frame. */
export function encodeFrame(f: Frame): Uint8Array {
	const b = new Uint8Array(frameSize(f));
	putFrame(b, 0, f);
	return b;
}

/** The bounds of numbers (clauses 1.2, 2.4, 9.1 and 12.1). */
function allows(field: NumberField, v: Uint, streams: boolean): boolean {
	switch (field) {
		case 'code': return v <= maxCode;
		case 'size': return v > maxPayload;
		case 'nexts': return v <= maxLanes;
		case 'slot': return streams ? v > 0 && v <= 256 : v < 256;
	}
	return true;
}

/** Returns the bytes of the frame that begins at b[at], or 0 if there are too few to tell. */
export function frameLength(b: Uint8Array, at: number, end: number): number {
	const c = { at };
	if (at >= end || at + (1 << ((b[at] as number) >> 6)) > end) return 0;
	const body = number(b, c, end);
	if (body < 2 || body > maxBody) throw violation('frame length out of range');
	return c.at - at + Number(body);
}

function number(b: Uint8Array, c: Cursor, end: number): Uint {
	const v = getVarint(b, c, end);
	if (v < 0) throw violation('malformed varint');
	return v;
}

/**
 * Reads the frame that begins at b[at], and returns where it ends. What is
 * ignored has its kind, lane and, if numbered, its sequence only. Strings and
 * payload are views of b.
 */
export function parseFrame(b: Uint8Array, at: number, f: Frame): number {
	const size = frameLength(b, at, b.length);
	const end = at + size;
	if (size === 0 || end > b.length) throw violation('frame is incomplete');
	const c = { at };
	getVarint(b, c, end);
	let kind = b[c.at++] as number;
	f.packed = (kind & packedBit) !== 0 && !layouts[kind] && layouts[kind & ~packedBit]?.packs === true;
	if (f.packed) kind &= ~packedBit;
	f.kind = kind;
	const second = b[c.at++] as number;
	f.lane = second & 7;
	const flags = (f.flags = second & ~7);
	f.seq = f.id = f.code = f.ref = f.size = f.millis = f.next = f.slot = 0;
	f.name = f.meta = f.payload = none;
	f.exact = undefined;
	const l = layouts[kind];
	if (!l && !ignorable(kind)) throw violation('unknown frame kind');
	if (l && flags & ~l.flags) throw violation('unknown frame flag');
	if (l?.control && f.lane) throw violation('frame field out of range');
	if (numbered(kind)) assign(f, 'seq', number(b, c, end));
	if (!l) return end;
	for (let i = 0; i < l.numbers.length; i++) {
		if (!present(l, i, flags)) continue;
		const field = (l.numbers[i] as readonly [NumberField, number])[0];
		const v = number(b, c, end);
		if (!allows(field, v, kind === Kind.Reply)) throw violation('frame field out of range');
		if (field === 'nexts') f.nexts = Array.from({ length: Number(v) }, () => number(b, c, end));
		else assign(f, field, v);
	}
	if (hasName(l, f)) f.name = string(b, c, end, l.name === always ? maxReason : 255);
	if (flags & l.meta) f.meta = string(b, c, end, 8192);
	const n = end - c.at;
	if (!l.payload ? n > 0 : f.packed ? n === 0 || n >= maxPayload : flags & F1 ? n !== maxPayload : n > maxPayload) throw violation('frame payload out of range');
	if (n > 0) f.payload = b.subarray(c.at, end);
	return end;
}

function assign(f: Frame, field: Exclude<NumberField, 'nexts'> | 'seq', v: Uint): void {
	if (typeof v === 'bigint') (f.exact ??= {})[field] = v;
	f[field] = Number(v);
}

function string(b: Uint8Array, c: Cursor, end: number, most: number): Uint8Array {
	const n = number(b, c, end);
	if (n > end - c.at) throw violation('malformed varint');
	if (n > most) throw violation('frame field out of range');
	const start = c.at;
	c.at += Number(n);
	return b.subarray(start, c.at);
}
