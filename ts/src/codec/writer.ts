import { CodecError } from './error.js';
import type { Timestamp } from './time.js';

const encoder = new TextEncoder();
const pool = 16 << 10;

/**
 * Writes MessagePack, every value in its only encoding: integers, strings and
 * headers in their shortest form, as Go's package codec does.
 *
 * What finish returns is not written to again, but shares its buffer with
 * other messages of the writer.
 */
export class Writer {
	private buf = new Uint8Array(pool);
	private view = new DataView(this.buf.buffer);
	private start = 0;
	private pos = 0;

	/** Makes room for n bytes. */
	private room(n: number): number {
		const pos = this.pos;
		if (pos + n > this.buf.length) return this.grow(n);
		this.pos = pos + n;
		return pos;
	}

	private grow(n: number): number {
		const used = this.pos - this.start;
		const buf = new Uint8Array(Math.max(pool, (used + n) * 2));
		buf.set(this.buf.subarray(this.start, this.pos));
		this.buf = buf;
		this.view = new DataView(buf.buffer);
		this.start = 0;
		this.pos = used + n;
		return used;
	}

	/** Returns what was written since the last time. */
	finish(): Uint8Array {
		const b = this.buf.subarray(this.start, this.pos);
		this.start = this.pos;
		return b;
	}

	/** Drops what was written since the last finish. */
	reset(): void {
		this.pos = this.start;
	}

	private byte(v: number): void {
		const p = this.room(1);
		this.buf[p] = v;
	}

	private tagged8(code: number, v: number): void {
		const p = this.room(2);
		this.buf[p] = code;
		this.buf[p + 1] = v;
	}

	private tagged16(code: number, v: number): void {
		const p = this.room(3);
		this.buf[p] = code;
		this.buf[p + 1] = v >> 8;
		this.buf[p + 2] = v;
	}

	private tagged32(code: number, v: number): void {
		const p = this.room(5);
		this.buf[p] = code;
		this.view.setUint32(p + 1, v);
	}

	private tagged64(code: number, high: number, low: number): void {
		const p = this.room(9);
		this.buf[p] = code;
		this.view.setUint32(p + 1, high);
		this.view.setUint32(p + 5, low);
	}

	nil(): void {
		this.byte(0xc0);
	}

	bool(v: boolean): void {
		this.byte(v ? 0xc3 : 0xc2);
	}

	/** Writes an integer, at most 2^53-1 from 0. */
	int(v: number): void {
		if (v >= 0 && v < 128) {
			if ((v | 0) === v) return this.byte(v);
		} else if (v >= 0) {
			if (v < 0x100) return this.tagged8(0xcc, this.whole(v));
			if (v < 0x10000) return this.tagged16(0xcd, this.whole(v));
			if (v <= 0xffffffff) return this.tagged32(0xce, this.whole(v));
			return this.tagged64(0xcf, this.whole(v) / 0x100000000, v % 0x100000000);
		} else if (this.whole(v) >= -32) return this.byte(v);
		else if (v >= -0x80) return this.tagged8(0xd0, v);
		else if (v >= -0x8000) return this.tagged16(0xd1, v);
		else if (v >= -0x80000000) return this.tagged32(0xd2, v);
		else return this.tagged64(0xd3, Math.floor(v / 0x100000000), v >>> 0);
		this.whole(v);
	}

	private whole(v: number): number {
		if (!Number.isSafeInteger(v)) throw new CodecError(`${v} is no integer that a number holds exactly`);
		return v;
	}

	/** Writes an integer of 64 bits. */
	bigint(v: bigint): void {
		const n = Number(v);
		if (Number.isSafeInteger(n)) return this.int(n);
		if (v > 0xffffffffffffffffn || v < -0x8000000000000000n) throw new CodecError('integer of more than 64 bits');
		this.tagged64(v < 0n ? 0xd3 : 0xcf, Number(v >> 32n), Number(v & 0xffffffffn));
	}

	float32(v: number): void {
		const p = this.room(5);
		this.buf[p] = 0xca;
		this.view.setFloat32(p + 1, v);
	}

	float64(v: number): void {
		const p = this.room(9);
		this.buf[p] = 0xcb;
		this.view.setFloat64(p + 1, v);
	}

	/** Writes the header of something with a length, in its shortest form. */
	private head(n: number, fix: number, fixMax: number, code: number): void {
		if (n <= fixMax) this.byte(fix | n);
		else if (n < 0x10000) this.tagged16(code, n);
		else this.tagged32(code + 1, n);
	}

	array(n: number): void {
		this.head(n, 0x90, 15, 0xdc);
	}

	map(n: number): void {
		this.head(n, 0x80, 15, 0xde);
	}

	private stringHead(n: number): void {
		if (n < 32) this.byte(0xa0 | n);
		else if (n < 0x100) this.tagged8(0xd9, n);
		else this.head(n, 0, -1, 0xda);
	}

	string(v: string): void {
		const n = v.length;
		if (n < 32) {
			// Most are short, and of ASCII.
			const p = this.room(n + 1);
			const buf = this.buf;
			buf[p] = 0xa0 | n;
			let all = 0;
			for (let i = 0; i < n; i++) {
				const c = v.charCodeAt(i);
				buf[p + 1 + i] = c;
				all |= c;
			}
			if (all < 128) return;
			this.pos = p;
		}
		if (/[\ud800-\udfff]/.test(v) && !wellFormed(v)) throw new CodecError('string is not well formed');
		const utf8 = encoder.encode(v);
		this.stringHead(utf8.length);
		this.raw(utf8);
	}

	bytes(v: Uint8Array): void {
		const n = v.length;
		if (n < 0x100) this.tagged8(0xc4, n);
		else this.head(n, 0, -1, 0xc5);
		this.raw(v);
	}

	time(v: Timestamp): void {
		const { seconds, nanoseconds } = v;
		if (seconds < 0 || seconds >= 0x400000000) {
			const p = this.room(15);
			this.buf[p] = 0xc7;
			this.buf[p + 1] = 12;
			this.buf[p + 2] = 0xff;
			this.view.setUint32(p + 3, nanoseconds);
			this.view.setUint32(p + 7, Math.floor(seconds / 0x100000000));
			this.view.setUint32(p + 11, seconds % 0x100000000);
		} else if (nanoseconds !== 0 || seconds > 0xffffffff) this.time64(seconds, nanoseconds);
		else {
			const p = this.room(6);
			this.buf[p] = 0xd6;
			this.buf[p + 1] = 0xff;
			this.view.setUint32(p + 2, seconds);
		}
	}

	private time64(seconds: number, nanoseconds: number): void {
		const p = this.room(10);
		this.buf[p] = 0xd7;
		this.buf[p + 1] = 0xff;
		this.view.setUint32(p + 2, nanoseconds * 4 + Math.floor(seconds / 0x100000000));
		this.view.setUint32(p + 6, seconds % 0x100000000);
	}

	/** Writes a Date as a timestamp. */
	date(v: Date): void {
		const ms = v.getTime();
		const seconds = Math.floor(ms / 1000);
		const rest = ms - seconds * 1000;
		if (rest > 0 && seconds >= 0 && seconds < 0x400000000) return this.time64(seconds, rest * 1e6);
		if (!Number.isFinite(ms)) throw new CodecError('invalid date');
		this.time({ seconds, nanoseconds: rest * 1e6 } as Timestamp);
	}

	/** Writes bytes that are encoded already. */
	raw(b: Uint8Array): void {
		const n = b.length;
		const p = this.room(n);
		const buf = this.buf;
		if (n > 24) buf.set(b, p);
		else for (let i = 0; i < n; i++) buf[p + i] = b[i] as number;
	}
}

function wellFormed(v: string): boolean {
	try {
		encodeURIComponent(v);
		return true;
	} catch {
		return false;
	}
}
