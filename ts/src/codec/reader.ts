import { CodecError } from './error.js';
import { Timestamp } from './time.js';
import { readValue } from './value.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Floats are put together here. */
const scratch = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(8));

const maxDepth = 32;
const maxElements = 1 << 20;

/**
 * Reads MessagePack from anyone: nothing in a message makes it recurse deeper
 * than 32 levels, declare more elements than it has bytes or than 1,048,576,
 * or allocate what was merely announced. It throws a CodecError.
 */
export class Reader {
	private b: Uint8Array;
	private pos = 0;
	private depth = maxDepth;
	private elements: number;

	constructor(b: Uint8Array) {
		this.b = b;
		this.elements = Math.min(b.length, maxElements);
	}

	/** Whether everything was read. */
	get done(): boolean {
		return this.pos >= this.b.length;
	}

	/** Throws if something is left, and returns how much was read. */
	finish(): number {
		if (this.pos !== this.b.length) this.fail('bytes behind the end of the message');
		return this.pos;
	}

	fail(what: string): never {
		throw new CodecError(`${what} at byte ${this.pos}`);
	}

	private take(n: number): number {
		const p = this.pos;
		if (p + n > this.b.length) this.fail('message is truncated');
		this.pos = p + n;
		return p;
	}

	/** Reads n bytes at p, most significant first: a whole number that is exact up to 6 bytes. */
	private uint(p: number, n: number): number {
		const b = this.b;
		let v = 0;
		for (const end = p + n; p < end; p++) v = v * 256 + (b[p] as number);
		return v;
	}

	private u32(p: number): number {
		const b = this.b;
		return (((b[p] as number) << 24) | ((b[p + 1] as number) << 16) | ((b[p + 2] as number) << 8) | (b[p + 3] as number)) >>> 0;
	}

	/** The code of the next value. */
	peek(): number {
		const c = this.b[this.pos];
		return c === undefined ? this.fail('message is truncated') : c;
	}

	/** Takes a nil, if that is what comes next. */
	nil(): boolean {
		if (this.peek() !== 0xc0) return false;
		this.pos++;
		return true;
	}

	bool(): boolean {
		const c = this.peek();
		if (c !== 0xc2 && c !== 0xc3) this.fail('expected a bool');
		this.pos++;
		return c === 0xc3;
	}

	/** Reads an integer that a number holds exactly. */
	int(): number {
		const c = this.b[this.pos] as number;
		if (c < 0x80) {
			this.pos++;
			return c;
		}
		if (c >= 0xe0) {
			this.pos++;
			return c - 0x100;
		}
		if (!(c >= 0xcc && c <= 0xd3)) this.fail('expected an integer');
		const n = 1 << (c & 3);
		const p = this.take(n + 1) + 1;
		if (n === 8) {
			const high = this.u32(p);
			const v = (c === 0xcf ? high : high | 0) * 0x100000000 + this.u32(p + 4);
			return Number.isSafeInteger(v) ? v : this.fail('integer that a number does not hold');
		}
		const v = this.uint(p, n);
		const bits = 32 - 8 * n;
		return c < 0xd0 ? v : (v << bits) >> bits;
	}

	/** Reads an integer within bounds. */
	within(low: number, high: number): number {
		const v = this.int();
		return v >= low && v <= high ? v : this.fail('integer out of range');
	}

	/** Reads an integer of 64 bits, signed or not. */
	bigint(signed: boolean): bigint {
		const c = this.peek();
		if (c !== 0xcf && c !== 0xd3) {
			const v = this.int();
			return v >= 0 || signed ? BigInt(v) : this.fail('integer out of range');
		}
		const p = this.take(9) + 1;
		const v = (BigInt(c === 0xcf ? this.u32(p) : this.u32(p) | 0) << 32n) | BigInt(this.u32(p + 4));
		return (signed ? v <= 0x7fffffffffffffffn : v >= 0n) ? v : this.fail('integer out of range');
	}

	/** Reads a float, or an integer. */
	float(): number {
		const c = this.peek();
		if (c !== 0xcb && c !== 0xca) return this.int();
		const p = this.take(c === 0xcb ? 9 : 5) + 1;
		scratch.setUint32(0, this.u32(p));
		if (c === 0xca) return scratch.getFloat32(0);
		scratch.setUint32(4, this.u32(p + 4));
		return scratch.getFloat64(0);
	}

	/** Reads the length behind a code, of 1, 2 or 4 bytes. */
	private length(width: number): number {
		const p = this.take(width + 1) + 1;
		return this.uint(p, width);
	}

	string(): string {
		const c = this.peek();
		let n = c & 31;
		if (c >= 0xd9 && c <= 0xdb) n = this.length(1 << (c - 0xd9));
		else if (c >= 0xa0 && c < 0xc0) this.pos++;
		else this.fail('expected a string');
		const p = this.take(n);
		return n <= 20 ? this.short(p, n) : this.utf8(p, n);
	}

	private utf8(p: number, n: number): string {
		try {
			return decoder.decode(this.b.subarray(p, p + n));
		} catch {
			return this.fail('malformed UTF-8');
		}
	}

	/** Short strings are mostly ASCII, and cheaper to put together here. */
	private short(p: number, n: number): string {
		const b = this.b;
		let s = '';
		for (const end = p + n; p < end; p++) {
			const c = b[p] as number;
			if (c > 127) return this.utf8(p - s.length, n);
			s += String.fromCharCode(c);
		}
		return s;
	}

	/** Reads a binary: a view of the message. */
	bytes(): Uint8Array {
		const c = this.peek();
		if (c < 0xc4 || c > 0xc6) this.fail('expected a binary');
		const n = this.length(1 << (c - 0xc4));
		const p = this.take(n);
		return this.b.subarray(p, p + n);
	}

	time(): Timestamp {
		const c = this.peek();
		const p = this.pos;
		const long = c === 0xc7 && this.b[p + 1] === 12;
		if (!(long || c === 0xd6 || c === 0xd7) || this.b[p + (long ? 2 : 1)] !== 0xff) this.fail('expected a timestamp');
		this.take(long ? 15 : c === 0xd6 ? 6 : 10);
		if (c === 0xd6) return new Timestamp(this.u32(p + 2));
		if (long) return new Timestamp((this.u32(p + 7) | 0) * 0x100000000 + this.u32(p + 11), this.u32(p + 3));
		const high = this.u32(p + 2);
		return new Timestamp((high & 3) * 0x100000000 + this.u32(p + 6), high >>> 2);
	}

	/** Enters an array: its elements follow, and then leave. */
	array(): number {
		return this.enter(0x90, 0xdc, 1);
	}

	/** Enters a map: its keys and values follow, and then leave. */
	map(): number {
		return this.enter(0x80, 0xde, 2);
	}

	private enter(fix: number, code: number, width: number): number {
		const c = this.peek();
		let n = c & 15;
		if ((c & 0xf0) === fix) this.pos++;
		else if (c === code || c === code + 1) n = this.length(2 << (c - code));
		else this.fail(width === 1 ? 'expected an array' : 'expected a map');
		if ((this.elements -= n * width) < 0) this.fail('too many elements');
		if (n * width > this.b.length - this.pos) this.fail('message is truncated');
		if (--this.depth < 0) this.fail('nested too deep');
		return n;
	}

	leave(): void {
		this.depth++;
	}

	/**
	 * Reads the key of a struct. It returns the index of the name among those
	 * given, each encoded as a string, -1 for none of them; guess is tried first.
	 */
	field(names: readonly Uint8Array[], guess: number): number {
		const { b, pos } = this;
		for (let tries = 0, i = guess < names.length ? guess : 0; tries < names.length; tries++) {
			const name = names[i] as Uint8Array;
			const n = name.length;
			let k = 0;
			while (k < n && b[pos + k] === name[k]) k++;
			if (k === n) {
				this.pos = pos + n;
				return i;
			}
			if (++i === names.length) i = 0;
		}
		this.key();
		return -1;
	}

	/** Steps over a value of any type, and checks it. */
	skip(): void {
		readValue(this);
	}

	/** Reads the key of a map: a string or an integer. */
	key(): string | number | bigint {
		const c = this.peek();
		if (c >= 0xa0 && c < 0xc0 || c >= 0xd9 && c <= 0xdb) return this.string();
		return this.integer();
	}

	/** Reads an integer as a number if it is one exactly, and else as a bigint. */
	integer(): number | bigint {
		const c = this.peek();
		if (c !== 0xcf && c !== 0xd3) return this.int();
		const v = this.bigint(c === 0xd3);
		const n = Number(v);
		return Number.isSafeInteger(n) ? n : v;
	}
}
