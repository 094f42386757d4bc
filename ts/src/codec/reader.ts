import { CodecError } from './error.js';
import { Timestamp } from './time.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Floats are put together here. */
const scratch = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(8));

const maxDepth = 32;
const maxElements = 1 << 20;

/** Sizes of values that are neither containers nor strings, by their codes from 0xc0. 0 says it themselves. */
const sizes = [1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 5, 9, 2, 3, 5, 9, 2, 3, 5, 9];

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

	/** Throws if something is left. */
	finish(): void {
		if (this.pos !== this.b.length) this.fail('bytes behind the end of the message');
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

	private u16(p: number): number {
		return ((this.b[p] as number) << 8) | (this.b[p + 1] as number);
	}

	private i32(p: number): number {
		return (this.u16(p) << 16) | this.u16(p + 2);
	}

	private u32(p: number): number {
		return this.i32(p) >>> 0;
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
		switch (c) {
			case 0xcc: return this.b[this.take(2) + 1] as number;
			case 0xcd: return this.u16(this.take(3) + 1);
			case 0xce: return this.u32(this.take(5) + 1);
			case 0xd0: return ((this.b[this.take(2) + 1] as number) << 24) >> 24;
			case 0xd1: return (this.u16(this.take(3) + 1) << 16) >> 16;
			case 0xd2: return this.i32(this.take(5) + 1);
			case 0xcf:
			case 0xd3: {
				const p = this.take(9);
				const v = (c === 0xcf ? this.u32(p + 1) : this.i32(p + 1)) * 0x100000000 + this.u32(p + 5);
				return Number.isSafeInteger(v) ? v : this.fail('integer that a number does not hold');
			}
		}
		this.peek();
		return this.fail('expected an integer');
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
		const v = (BigInt(c === 0xcf ? this.u32(p) : this.i32(p)) << 32n) | BigInt(this.u32(p + 4));
		return (signed ? v <= 0x7fffffffffffffffn : v >= 0n) ? v : this.fail('integer out of range');
	}

	/** Reads a float, or an integer. */
	float(): number {
		const c = this.peek();
		if (c !== 0xcb && c !== 0xca) return this.int();
		const p = this.take(c === 0xcb ? 9 : 5) + 1;
		scratch.setInt32(0, this.i32(p));
		if (c === 0xca) return scratch.getFloat32(0);
		scratch.setInt32(4, this.i32(p + 4));
		return scratch.getFloat64(0);
	}

	/** Reads the length behind a code, of 1, 2 or 4 bytes. */
	private length(width: number): number {
		const p = this.take(width + 1) + 1;
		return width === 1 ? (this.b[p] as number) : width === 2 ? this.u16(p) : this.u32(p);
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
		const end = p + n;
		let i = p;
		for (; i + 4 <= end; i += 4) {
			const w = b[i] as number, x = b[i + 1] as number, y = b[i + 2] as number, z = b[i + 3] as number;
			if ((w | x | y | z) > 127) return this.utf8(p, n);
			s += String.fromCharCode(w, x, y, z);
		}
		for (; i < end; i++) {
			const c = b[i] as number;
			if (c > 127) return this.utf8(p, n);
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
		const type = this.b[p + (c === 0xc7 ? 2 : 1)];
		let seconds = 0;
		let nanoseconds = 0;
		if (type !== 0xff) this.fail('expected a timestamp');
		if (c === 0xd6) seconds = this.u32(this.take(6) + 2);
		else if (c === 0xd7) {
			this.take(10);
			const high = this.u32(p + 2);
			nanoseconds = high >>> 2;
			seconds = (high & 3) * 0x100000000 + this.u32(p + 6);
		} else if (c === 0xc7 && this.b[p + 1] === 12) {
			this.take(15);
			nanoseconds = this.u32(p + 3);
			seconds = this.i32(p + 7) * 0x100000000 + this.u32(p + 11);
		} else this.fail('expected a timestamp');
		return new Timestamp(seconds, nanoseconds);
	}

	/** Reads a timestamp without what is below a millisecond. */
	date(): Date {
		const b = this.b;
		const p = this.pos;
		if (b[p] === 0xd7 && b[p + 1] === 0xff && p + 10 <= b.length) {
			const high = this.u32(p + 2);
			const nanoseconds = high >>> 2;
			if (nanoseconds < 1e9) {
				this.pos = p + 10;
				return new Date(((high & 3) * 0x100000000 + this.u32(p + 6)) * 1000 + Math.floor(nanoseconds / 1e6));
			}
		}
		return this.time().toDate();
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
		const c = this.peek();
		if (c >= 0xa0 && c < 0xc0 || c >= 0xd9 && c <= 0xdb) this.string();
		else this.int();
		return -1;
	}

	/** Steps over a value of any type, and checks it. */
	skip(): void {
		const c = this.peek();
		if (c >= 0xa0 && c < 0xc0 || c >= 0xd9 && c <= 0xdb) this.string();
		else if (c < 0x80 || c >= 0xe0) this.pos++;
		else if (c < 0x90 || c === 0xde || c === 0xdf) {
			for (let n = this.map(); n > 0; n--) {
				this.key();
				this.skip();
			}
			this.leave();
		} else if (c < 0xa0 || c >= 0xdc) {
			for (let n = this.array(); n > 0; n--) this.skip();
			this.leave();
		} else if (c >= 0xc4 && c <= 0xc6) this.bytes();
		else {
			const n = sizes[c - 0xc0];
			if (n) this.take(n);
			else this.time();
		}
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
