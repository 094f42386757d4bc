import { violation } from '../error.js';
import { type Frame, named } from '../frame/frame.js';

const ackFrames = 32;
const ackBytes = 16 << 10;
const ackDelay = 20;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

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
	private told = 0;
	private owedFrames = 0;
	private owedBytes = 0;
	/** When an ACK will be due, 0 for never. */
	ackDue = 0;
	private late = false;

	private readonly names = new Map<string, number>();
	private readonly heard: string[] = [];

	/** Whether frames are to be sent again. */
	get replays(): boolean {
		return this.again < this.kept.length;
	}

	keep(b: Uint8Array): void {
		this.kept.push(b);
		this.keptBytes += b.length;
		this.again = this.kept.length;
	}

	/** Takes an ACK into account (clause 4.2). */
	acknowledge(next: number): void {
		if (next > this.sent) throw violation('acknowledgement of frames never sent');
		if (next <= this.acked) return;
		const n = Math.min(next - this.acked, this.kept.length);
		this.acked = next;
		for (const b of this.kept.splice(0, n)) this.keptBytes -= b.length;
		this.again = Math.max(0, this.again - n);
	}

	/**
	 * Counts a numbered frame that arrived, and reports whether it is new
	 * (clause 4.1). One of streams has no bytes that hurry its ACK, but may ask
	 * for it.
	 */
	accept(seq: number, bytes: number, now: number, ask: boolean): boolean {
		if (seq < this.next) return false;
		if (seq > this.next) throw violation('a sequence number was skipped');
		this.next++;
		if (bytes > 0) this.owedFrames++;
		this.owedBytes += bytes;
		if (ask) this.late = true;
		else if (this.ackDue === 0 && !this.late) this.ackDue = now + ackDelay;
		return true;
	}

	/** Whether an ACK may be sent, and whether it must be. */
	get owes(): boolean {
		return this.next !== this.told;
	}

	get due(): boolean {
		return this.owes && (this.owedFrames >= ackFrames || this.owedBytes >= ackBytes || this.late);
	}

	tick(now: number): void {
		if (this.ackDue !== 0 && this.ackDue <= now) {
			this.ackDue = 0;
			this.late = true;
		}
	}

	acknowledged(): void {
		this.told = this.next;
		this.owedFrames = this.owedBytes = this.ackDue = 0;
		this.late = false;
	}

	/** Begins with another carrier, whose peer was told a number (clause 14.4). */
	rebind(told: number): void {
		this.bound = this.asked = false;
		this.again = 0;
		this.acknowledged();
		if (this.next !== told) {
			this.told = told;
			this.late = true;
		}
	}

	/** Fills in the name of a frame (clause 6.2). */
	refer(f: Frame, name: string, most: number): void {
		const id = this.names.get(name);
		if (id !== undefined) {
			f.ref = id * 2;
			return;
		}
		f.name = encoder.encode(name);
		f.ref = 0;
		if (this.names.size >= most) return;
		this.names.set(name, this.names.size + 1);
		f.ref = this.names.size * 2 + 1;
	}

	/** Returns the name that a frame refers to, and remembers it if the frame introduces it. */
	resolve(f: Frame, most: number, empty: boolean): string {
		if (!named(f)) return this.heard[f.ref / 2 - 1] ?? fail('reference to an unknown name');
		const name = decoder.decode(f.name);
		if (!/^[A-Za-z0-9._/-]*$/.test(name) || (name === '' && !empty)) fail('malformed name');
		if (f.ref !== 0) {
			const id = (f.ref - 1) / 2;
			if (id !== this.heard.length + 1 || id > most) fail('name id out of range');
			this.heard.push(name);
		}
		return name;
	}
}

const fail = (reason: string): never => {
	throw violation(reason);
};
