import { must } from '../error.js';

/**
 * Bytes that are read, and where. Numbers above 2^53 are read as about their
 * value: no peer counts so far, and the tokens of PING are repeated as bytes.
 */
export interface Cursor {
	readonly b: Uint8Array;
	at: number;
	readonly end: number;
}

/** Returns how many bytes a varint takes (clause 1.3). */
export const varintSize = (v: number): number => (v < 64 ? 1 : v < 0x4000 ? 2 : v < 0x40000000 ? 4 : 8);

/** Writes a varint in its shortest form, and returns where it ends. */
export function putVarint(b: Uint8Array, at: number, v: number): number {
	const n = varintSize(v);
	for (let i = at + n; i-- > at; v = Math.floor(v / 256)) b[i] = v;
	b[at] = (b[at] as number) | ((31 - Math.clz32(n)) << 6);
	return at + n;
}

/** Reads a varint, -1 for one that is cut short or not in its shortest form. */
export function getVarint(c: Cursor): number {
	const first = c.b[c.at] as number;
	const n = 1 << (first >> 6);
	if (c.at + n > c.end) return -1;
	let v = first & 63;
	for (let i = 1; i < n; i++) v = v * 256 + (c.b[c.at + i] as number);
	c.at += n;
	return varintSize(v) === n ? v : -1;
}

/** Reads a string (clause 1.4) of at most so many bytes: a view of b. */
export function getString(c: Cursor, most: number): Uint8Array {
	const n = getVarint(c);
	must(n >= 0 && n <= Math.min(most, c.end - c.at), 1.4);
	return c.b.subarray(c.at, (c.at += n));
}

/** Returns bytes behind their length. */
export function withLength(s: Uint8Array): Uint8Array {
	const b = new Uint8Array(varintSize(s.length) + s.length);
	b.set(s, putVarint(b, 0, s.length));
	return b;
}

/** Returns parts as one. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
	if (parts.length === 1) return parts[0] as Uint8Array;
	const b = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
	let at = 0;
	for (const part of parts) {
		b.set(part, at);
		at += part.length;
	}
	return b;
}

const encoder = /* @__PURE__ */ new TextEncoder();
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true });

export const none: Uint8Array = /* @__PURE__ */ new Uint8Array(0);
export const utf8 = (s: string): Uint8Array => encoder.encode(s);
export const text = (b: Uint8Array): string => decoder.decode(b);
