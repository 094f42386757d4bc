import { CodecError } from './error.js';

const encoder = /* @__PURE__ */ new TextEncoder();
const pool = 16 << 10;

/**
 * MessagePack that is written, every value in its only encoding: integers,
 * strings and heads in their shortest form, as Go's package codec does. The
 * functions of this file write it; a program is made of those that it needs.
 */
export class Writer {
	/** What was written since the last finish is what is from start on. */
	buf = new Uint8Array(pool);
	start = 0;
	at = 0;
	/** Of buf, for who needs one. */
	view: DataView | undefined;
}

/** Makes room for n bytes, and returns where. It is called for every value: what is rare is apart. */
export function room(w: Writer, n: number): number {
	if (w.at + n > w.buf.length) grow(w, n);
	const p = w.at;
	w.at = p + n;
	return p;
}

function grow(w: Writer, n: number): void {
	const begun = w.buf.subarray(w.start, w.at);
	w.buf = new Uint8Array(Math.max(pool, (begun.length + n) * 2));
	w.buf.set(begun);
	w.view = undefined;
	w.start = 0;
	w.at = begun.length;
}

/** Returns what was written since the last time. It is not written to again, but shares its buffer with other messages. */
export function finish(w: Writer): Uint8Array {
	const b = w.buf.subarray(w.start, w.at);
	w.start = w.at;
	return b;
}

export function writeByte(w: Writer, v: number): void {
	const p = room(w, 1);
	w.buf[p] = v;
}

/** Writes bytes that are encoded already. */
export function writeRaw(w: Writer, b: ArrayLike<number>): void {
	const n = b.length;
	const p = room(w, n);
	const { buf } = w;
	if (n > 24) buf.set(b, p);
	else for (let i = 0; i < n; i++) buf[p + i] = b[i] as number;
}

/** Writes a code and a whole number behind it, of n bytes. */
function writeTagged(w: Writer, code: number, v: number, n: number): void {
	const p = room(w, n + 1);
	const { buf } = w;
	buf[p] = code;
	for (let i = n, word = v | 0; i > 0; ) {
		buf[p + i] = word;
		word = --i === 4 ? Math.floor(v / 0x100000000) : word >> 8;
	}
}

/** The smallest w for which 1 << w bytes hold a whole number. */
const widthOf = (v: number): number => (v < 0x100 ? 0 : v < 0x10000 ? 1 : v <= 0xffffffff ? 2 : 3);

/** Writes an integer, at most 2^53-1 from 0. */
export function writeInt(w: Writer, v: number): void {
	if (!Number.isSafeInteger(v)) throw new CodecError(`${v} is out of range`);
	if (v >= -32 && v < 128) return writeByte(w, v);
	const width = widthOf(v < 0 ? -2 * v - 1 : v);
	writeTagged(w, (v < 0 ? 0xd0 : 0xcc) + width, v, 1 << width);
}

/** Writes the head of something with a length, see readHead. */
function writeHead(w: Writer, n: number, fix: number, most: number, first: number, least: number): void {
	if (n <= most) return writeByte(w, fix + n);
	const width = Math.max(least, widthOf(n));
	writeTagged(w, first + width - least, n, 1 << width);
}

export const writeArray = (w: Writer, n: number): void => writeHead(w, n, 0x90, 15, 0xdc, 1);
export const writeMap = (w: Writer, n: number): void => writeHead(w, n, 0x80, 15, 0xde, 1);

export function writeBytes(w: Writer, v: Uint8Array): void {
	writeHead(w, v.length, 0, -1, 0xc4, 0);
	writeRaw(w, v);
}

export function writeString(w: Writer, v: string): void {
	const n = v.length;
	if (n < 32) {
		// Most are short, and of ASCII.
		const p = room(w, n + 1);
		const { buf } = w;
		buf[p] = 0xa0 | n;
		let all = 0;
		for (let i = 0; i < n; i++) {
			const c = v.charCodeAt(i);
			buf[p + 1 + i] = c;
			all |= c;
		}
		if (all < 128) return;
		w.at = p;
	}
	if (/\p{Surrogate}/u.test(v)) throw new CodecError('malformed string');
	const utf8 = encoder.encode(v);
	writeHead(w, utf8.length, 0xa0, 31, 0xd9, 0);
	writeRaw(w, utf8);
}
