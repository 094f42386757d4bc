import { CodecError } from './error.js';
import { peek, type Reader, takeTime } from './reader.js';
import { room, type Writer } from './writer.js';

/** An instant with nanoseconds, as Go's time.Time has it. A Date keeps milliseconds only. */
export class Timestamp {
	/** Seconds since 1970, and nanoseconds in that second, 0 to 999,999,999. */
	constructor(
		readonly seconds: number,
		readonly nanoseconds = 0,
	) {
		if (!Number.isSafeInteger(seconds) || !(nanoseconds >= 0 && nanoseconds < 1e9)) throw new CodecError('time out of range');
	}

	static from(date: Date): Timestamp {
		const ms = date.getTime();
		const seconds = Math.floor(ms / 1000);
		return new Timestamp(seconds, (ms - seconds * 1000) * 1e6);
	}

	toDate(): Date {
		return new Date(this.seconds * 1000 + Math.floor(this.nanoseconds / 1e6));
	}

	/** ISO 8601 with nine digits. */
	toString(): string {
		return `${new Date(this.seconds * 1000).toISOString().slice(0, -4)}${String(this.nanoseconds).padStart(9, '0')}Z`;
	}

	toJSON(): string {
		return this.toString();
	}
}

const half = 0x100000000;

export function readTime(r: Reader): Timestamp {
	const c = peek(r);
	const p = takeTime(r);
	const { b } = r;
	const word = (p: number): number => (((b[p] as number) << 24) | ((b[p + 1] as number) << 16) | ((b[p + 2] as number) << 8) | (b[p + 3] as number)) >>> 0;
	const first = word(p);
	if (c === 0xd6) return new Timestamp(first);
	if (c === 0xd7) return new Timestamp((first & 3) * half + word(p + 4), first >>> 2);
	return new Timestamp((word(p + 4) | 0) * half + word(p + 8), first);
}

export const writeTime = (w: Writer, v: Timestamp): void => writeInstant(w, v.seconds, v.nanoseconds);

/** Writes a Date as a timestamp. */
export function writeDate(w: Writer, v: Date): void {
	const ms = v.getTime();
	if (!Number.isFinite(ms)) throw new CodecError('invalid date');
	const seconds = Math.floor(ms / 1000);
	writeInstant(w, seconds, (ms - seconds * 1000) * 1e6);
}

function writeInstant(w: Writer, seconds: number, nanoseconds: number): void {
	const high = Math.floor(seconds / half);
	const long = high < 0 || high > 3;
	const n = long ? 12 : nanoseconds || high ? 8 : 4;
	const head = long ? 3 : 2;
	let p = room(w, head + n);
	const { buf } = w;
	buf[p] = long ? 0xc7 : n > 4 ? 0xd7 : 0xd6;
	if (long) buf[p + 1] = 12;
	p += head;
	buf[p - 1] = 0xff;
	if (long) p = putWord(buf, p, nanoseconds);
	if (n > 4) p = putWord(buf, p, long ? high : nanoseconds * 4 + high);
	putWord(buf, p, seconds);
}

/** Puts a number of 32 bits, and returns where it ends. */
function putWord(buf: Uint8Array, p: number, v: number): number {
	buf[p] = v >>> 24;
	buf[p + 1] = v >>> 16;
	buf[p + 2] = v >>> 8;
	buf[p + 3] = v;
	return p + 4;
}
