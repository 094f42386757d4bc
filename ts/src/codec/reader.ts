import { CodecError } from './error.js';

const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const outOfRange = 'number out of range';
const malformed = 'malformed message';

const maxDepth = 32;
const maxElements = 1 << 20;

/**
 * MessagePack that is read, from anyone, and where. Nothing in a message makes
 * the functions of this file recurse deeper than 32 levels, take more elements
 * than it has bytes or than 1,048,576, or allocate what was merely announced.
 * They throw a CodecError. They are functions so that a program is made of
 * those only that its types need.
 */
export class Reader {
	at = 0;
	/** How many levels and elements there may still be. */
	depth = maxDepth;
	elements: number;

	constructor(readonly b: Uint8Array) {
		this.elements = Math.min(b.length, maxElements);
	}
}

export function fail(r: Reader, what = 'value of another type'): never {
	throw new CodecError(`${what} at byte ${r.at}`);
}

/** Throws if something is left, and returns how much was read. */
export function finish(r: Reader): number {
	return r.at < r.b.length ? fail(r, malformed) : r.at;
}

const cutShort = (r: Reader): never => fail(r, malformed);

/** Steps over n bytes, and returns where they begin. */
export function take(r: Reader, n: number): number {
	const p = r.at;
	if (p + n > r.b.length) cutShort(r);
	r.at = p + n;
	return p;
}

/** The code of the next value. */
export const peek = (r: Reader): number => r.b[r.at] ?? cutShort(r);

/** Takes a nil, if that is what comes next. */
export function readNil(r: Reader): boolean {
	const nil = peek(r) === 0xc0;
	if (nil) r.at++;
	return nil;
}

/** Reads n bytes at p, most significant first: a whole number that is exact if a number can hold it. */
function whole(b: Uint8Array, p: number, n: number, signed = false): number {
	let v = signed && (b[p] as number) > 127 ? -1 : 0;
	for (const end = p + n; p < end; p++) v = v * 256 + (b[p] as number);
	return v;
}

/** Whether a code is that of an integer of 1, 2, 4 or 8 bytes behind it. */
const isLong = (c: number): boolean => c >= 0xcc && c <= 0xd3;

/** Whether a code is that of an integer. */
export const isInteger = (c: number): boolean => c < 0x80 || c >= 0xe0 || isLong(c);

/** Whether a code is that of a string. */
export const isString = (c: number): boolean => (c >= 0xa0 && c < 0xc0) || (c >= 0xd9 && c <= 0xdb);

/** Reads an integer that a number holds exactly. */
export function readInt(r: Reader): number {
	const { b } = r;
	const c = b[r.at] as number;
	if (c < 0x80) {
		r.at++;
		return c;
	}
	if (c >= 0xe0) {
		r.at++;
		return c - 0x100;
	}
	if (!isLong(c)) fail(r);
	const n = 1 << (c & 3);
	const v = whole(b, take(r, n + 1) + 1, n, c >= 0xd0);
	return Number.isSafeInteger(v) ? v : fail(r, outOfRange);
}

/** Reads an integer within bounds. */
export function readWithin(r: Reader, low: number, high: number): number {
	const v = readInt(r);
	return v >= low && v <= high ? v : fail(r, outOfRange);
}

/**
 * Reads the head of something with a length: that of short ones, up to most,
 * is in the code; codes of longer ones follow each other from a first one,
 * which has 1 << width bytes behind it.
 */
function readHead(r: Reader, fix: number, most: number, first: number, width: number): number {
	const c = peek(r);
	if (c >= fix && c <= fix + most) {
		r.at++;
		return c - fix;
	}
	const w = c - first + width;
	if (w < width || w > 2) fail(r);
	return whole(r.b, take(r, 1 + (1 << w)) + 1, 1 << w);
}

export function readString(r: Reader): string {
	const n = readHead(r, 0xa0, 31, 0xd9, 0);
	const p = take(r, n);
	const { b } = r;
	const end = p + n;
	if (n <= 20) {
		// Short strings are mostly ASCII, and cheaper to put together here.
		let s = '';
		let i = p;
		for (; i < end && (b[i] as number) < 128; i++) s += String.fromCharCode(b[i] as number);
		if (i === end) return s;
	}
	try {
		return decoder.decode(b.subarray(p, end));
	} catch {
		return fail(r, malformed);
	}
}

/** Reads a binary: a view of the message. */
export function readBytes(r: Reader): Uint8Array {
	const n = readHead(r, 0, -1, 0xc4, 0);
	const p = take(r, n);
	return r.b.subarray(p, p + n);
}

function enter(r: Reader, n: number, values: number): number {
	if ((r.elements -= values) < 0 || --r.depth < 0) fail(r, malformed);
	if (values > r.b.length - r.at) cutShort(r);
	return n;
}

/** Enters an array: its elements follow, and then leave. */
export function enterArray(r: Reader): number {
	const n = readHead(r, 0x90, 15, 0xdc, 1);
	return enter(r, n, n);
}

/** Enters a map: its keys and values follow, and then leave. */
export function enterMap(r: Reader): number {
	const n = readHead(r, 0x80, 15, 0xde, 1);
	return enter(r, n, 2 * n);
}

export const leave = (r: Reader): unknown => r.depth++;

/** Steps over a timestamp, and returns where its numbers begin. */
export function takeTime(r: Reader): number {
	const { b, at } = r;
	const c = peek(r);
	const head = c === 0xc7 && b[at + 1] === 12 ? 3 : 2;
	const size = head > 2 ? 12 : c === 0xd6 ? 4 : c === 0xd7 ? 8 : 0;
	if (!size || b[at + head - 1] !== 0xff) fail(r);
	return take(r, head + size) + head;
}

/** Throws if what comes next is no key: a string or an integer. */
export function checkKey(r: Reader): void {
	const c = peek(r);
	if (!isString(c) && !isInteger(c)) fail(r);
}

/** Steps over a value of any type, and checks its form. */
export function skip(r: Reader): void {
	const c = peek(r);
	if (c < 0x80 || c >= 0xe0 || c === 0xc0 || c === 0xc2 || c === 0xc3) r.at++;
	else if (isString(c)) readString(r);
	else if (isLong(c)) take(r, 1 + (1 << (c & 3)));
	else if (c === 0xca || c === 0xcb) take(r, 1 + (4 << (c & 1)));
	else if (c >= 0xc4 && c <= 0xc6) readBytes(r);
	else if (c < 0xa0 || c >= 0xdc) {
		const map = c < 0x90 || c >= 0xde;
		for (let n = map ? enterMap(r) : enterArray(r); n > 0; n--) {
			if (map) {
				checkKey(r);
				skip(r);
			}
			skip(r);
		}
		leave(r);
	} else takeTime(r);
}

/**
 * Reads the key of a struct. It returns the index of the name among those
 * given, each encoded as a string, -1 for none of them; guess is tried first.
 */
export function readField(r: Reader, names: readonly Uint8Array[], guess: number): number {
	const { b, at } = r;
	for (let tries = 0, i = guess < names.length ? guess : 0; tries < names.length; tries++) {
		const name = names[i] as Uint8Array;
		const n = name.length;
		let k = 0;
		while (k < n && b[at + k] === name[k]) k++;
		if (k === n) {
			r.at = at + n;
			return i;
		}
		if (++i === names.length) i = 0;
	}
	checkKey(r);
	skip(r);
	return -1;
}
