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

	readonly names = new Map<string, number>();
	private readonly heard: string[] = [];

	constructor(readonly number: number) {}

	/** Takes an ACK into account (clause 4.2). */
	acknowledge(next: number): void {
		must(next <= this.sent, 4.2);
		const n = next - this.acked;
		if (n <= 0) return;
		this.acked = next;
		for (const b of this.kept.splice(0, n)) this.keptBytes -= b.length;
		this.again = Math.max(0, this.again - n);
	}

	/**
	 * Counts a numbered frame that arrived, and reports whether it is new
	 * (clause 4.1). One of streams has no bytes that hurry its ACK, but may ask
	 * for it.
	 */
	accept(seq: number, bytes: number, asks: boolean, now: number): boolean {
		must(seq <= this.next, 4.1);
		if (seq < this.next) return false;
		this.next++;
		if (bytes) this.owed += Math.max(1, bytes / ackBytes);
		if (asks) this.owed = ackFrames;
		this.ackAt = Math.min(this.ackAt, now + ackDelay);
		return true;
	}

	/** The time for an ACK has come. */
	due(): void {
		this.owed = ackFrames;
		this.ackAt = Infinity;
	}

	/** Takes note that an ACK was sent. */
	acknowledged(): void {
		this.told = this.next;
		this.owed = 0;
		this.ackAt = Infinity;
	}

	/** Begins with another carrier, whose peer was told a number (clause 14.4). */
	rebind(told: number): void {
		this.bound = this.asked = false;
		this.again = 0;
		this.told = told;
		this.due();
	}

	/** Fills in the name of a frame (clause 6.2). */
	refer(f: Frame, name: string, most: number): void {
		const { names } = this;
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
	resolve(f: Frame, most: number): string {
		const { heard } = this;
		const id = Math.floor(f.ref / 2);
		if (!named(f)) {
			const name = heard[id - 1];
			must(name !== undefined, 6.2);
			return name;
		}
		const name = text(f.name);
		must(/^[A-Za-z0-9._/-]*$/.test(name) && (!f.ref || (heard.push(name) === id && id <= most)), 6.2);
		return name;
	}
}
