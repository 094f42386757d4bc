import { must } from '../error.js';
import { type Frame, named } from '../frame/frame.js';
import { text, utf8 } from '../frame/varint.js';

/** How many frames are acknowledged at once, and what counts as one of them; how long the others wait, in milliseconds (clause 4.2). */
export const ackFrames = 32;
const ackBytes = 512;
const ackDelay = 20;

/** One lane, in both directions. */
export class Lane {
	/** Frames may be sent; the server has asked for that (clause 4.6). */
	bound = false;
	asked = false;

	/** The number of the next frame to be sent, and of the next that the peer has not acknowledged. */
	sent = 0;
	acked = 0;
	/** Frames that were sent and are not acknowledged, from acked on; those from again on are to be sent again. */
	kept: Uint8Array[] = [];
	keptBytes = 0;
	again = 0;

	/** The number of the next frame to be received, and the one that the last ACK said. */
	next = 0;
	told = 0;
	/** How much an ACK is due: at ackFrames it is, and when the time has come. */
	owed = 0;
	ackAt = Infinity;

	/** Names that this side has introduced, and those of the peer (clause 6.2). */
	readonly names = new Map<string, number>();
	readonly heard: string[] = [];

	constructor(readonly number: number) {}
}

/** Takes an ACK into account (clause 4.2). */
export function acknowledge(l: Lane, next: number): void {
	must(next <= l.sent, 4.2);
	const n = next - l.acked;
	if (n <= 0) return;
	l.acked = next;
	for (const b of l.kept.splice(0, n)) l.keptBytes -= b.length;
	l.again = Math.max(0, l.again - n);
}

/**
 * Counts a numbered frame that arrived, and reports whether it is new
 * (clause 4.1). One of streams has no bytes that hurry its ACK, but may ask
 * for it.
 */
export function accept(l: Lane, seq: number, bytes: number, asks: boolean, now: number): boolean {
	must(seq <= l.next, 4.1);
	if (seq < l.next) return false;
	l.next++;
	if (bytes) l.owed += Math.max(1, bytes / ackBytes);
	if (asks) l.owed = ackFrames;
	l.ackAt = Math.min(l.ackAt, now + ackDelay);
	return true;
}

/** The time for an ACK has come. */
export function ackNow(l: Lane): void {
	l.owed = ackFrames;
	l.ackAt = Infinity;
}

/** Takes note that an ACK was sent. */
export function ackSent(l: Lane): void {
	l.told = l.next;
	l.owed = 0;
	l.ackAt = Infinity;
}

/** Begins with another carrier, whose peer was told a number (clause 14.4). */
export function bindAgain(l: Lane, told: number): void {
	l.bound = l.asked = false;
	l.again = 0;
	l.told = told;
	ackNow(l);
}

/** Whether a name is of the letters of clause 6.2. */
export const validName = (name: string): boolean => /^[A-Za-z0-9._/-]{0,255}$/.test(name);

/** Fills in the name of a frame (clause 6.2). */
export function refer(l: Lane, f: Frame, name: string, most: number): void {
	const { names } = l;
	const id = names.get(name);
	if (id) {
		f.ref = id * 2;
		return;
	}
	f.name = utf8(name);
	if (names.size >= most) return;
	names.set(name, names.size + 1);
	f.ref = names.size * 2 + 1;
}

/** Returns the name that a frame refers to, and remembers it if the frame introduces it. */
export function resolve(l: Lane, f: Frame, most: number): string {
	const { heard } = l;
	const id = Math.floor(f.ref / 2);
	if (!named(f)) {
		const name = heard[id - 1];
		must(name !== undefined, 6.2);
		return name;
	}
	const name = text(f.name);
	must(validName(name) && (!f.ref || (heard.push(name) === id && id <= most)), 6.2);
	return name;
}
