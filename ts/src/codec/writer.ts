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

	/** Writes a code and a whole number behind it, of n bytes. */
	private tagged(code: number, v: number, n: number): void {
		const p = this.room(n + 1);
		const { buf } = this;
		buf[p] = code;
		for (let i = p + n; i > p; v = n > 4 ? Math.floor(v / 256) : v >> 8) buf[i--] = v;
	}

	/** Writes a code, and makes room for n bytes behind it. */
	private code(code: number, n: number): number {
		this.byte(code);
		return this.room(n);
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
			const n = this.whole(v) < 0x100 ? 0 : v < 0x10000 ? 1 : v <= 0xffffffff ? 2 : 3;
			return this.tagged(0xcc + n, v, 1 << n);
		} else {
			if (this.whole(v) >= -32) return this.byte(v);
			const n = v >= -0x80 ? 0 : v >= -0x8000 ? 1 : v >= -0x80000000 ? 2 : 3;
			return this.tagged(0xd0 + n, v, 1 << n);
		}
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
		this.view.setBigInt64(this.code(v < 0n ? 0xd3 : 0xcf, 8), v);
	}

	float32(v: number): void {
		const p = this.code(0xca, 4);
		this.view.setFloat32(p, v);
	}

	float64(v: number): void {
		const p = this.code(0xcb, 8);
		this.view.setFloat64(p, v);
	}

	/** Writes the header of something with a length, in its shortest form. */
	private head(n: number, fix: number, fixMax: number, code: number): void {
		if (n <= fixMax) this.byte(fix | n);
		else if (n < 0x10000) this.tagged(code, n, 2);
		else this.tagged(code + 1, n, 4);
	}

	array(n: number): void {
		this.head(n, 0x90, 15, 0xdc);
	}

	map(n: number): void {
		this.head(n, 0x80, 15, 0xde);
	}

	private stringHead(n: number): void {
		if (n < 32) this.byte(0xa0 | n);
		else if (n < 0x100) this.tagged(0xd9, n, 1);
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
		if (/\p{Surrogate}/u.test(v)) throw new CodecError('string is not well formed');
		const utf8 = encoder.encode(v);
		this.stringHead(utf8.length);
		this.raw(utf8);
	}

	bytes(v: Uint8Array): void {
		const n = v.length;
		if (n < 0x100) this.tagged(0xc4, n, 1);
		else this.head(n, 0, -1, 0xc5);
		this.raw(v);
	}

	time(v: Timestamp): void {
		this.instant(v.seconds, v.nanoseconds);
	}

	private instant(seconds: number, nanoseconds: number): void {
		const high = Math.floor(seconds / 0x100000000);
		if (high < 0 || high > 3) {
			this.raw([0xc7, 12, 0xff]);
			this.tail([nanoseconds, high, seconds]);
		} else if (nanoseconds || high) {
			this.raw([0xd7, 0xff]);
			this.tail([nanoseconds * 4 + high, seconds]);
		} else {
			this.raw([0xd6, 0xff]);
			this.tail([seconds]);
		}
	}

	/** Writes numbers of 32 bits. */
	private tail(all: readonly number[]): void {
		for (const v of all) {
			const p = this.room(4);
			this.view.setUint32(p, v);
		}
	}

	/** Writes a Date as a timestamp. */
	date(v: Date): void {
		const ms = v.getTime();
		if (!Number.isFinite(ms)) throw new CodecError('invalid date');
		const seconds = Math.floor(ms / 1000);
		this.instant(seconds, (ms - seconds * 1000) * 1e6);
	}

	/** Writes bytes that are encoded already. */
	raw(b: ArrayLike<number>): void {
		const n = b.length;
		const p = this.room(n);
		const buf = this.buf;
		if (n > 24) buf.set(b, p);
		else for (let i = 0; i < n; i++) buf[p + i] = b[i] as number;
	}
}
