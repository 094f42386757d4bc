import { violation } from '../error.js';
import { F1, maxPayload } from '../frame/layout.js';
import type { Frame } from '../frame/frame.js';

/** A message of several frames that arrives (clause 2.4). */
export class Parts {
	private readonly parts: Uint8Array[] = [];
	private have = 0;

	constructor(readonly size: number) {}

	/** Adds a part, and returns the whole with the last one. */
	add(f: Frame): Uint8Array | undefined {
		this.parts.push(f.payload);
		this.have += f.payload.length;
		const more = (f.flags & F1) !== 0;
		if (this.have > this.size || (this.have === this.size) === more) throw violation('parts do not add up to the size of the message');
		return more ? undefined : concat(this.parts, this.size);
	}
}

/** Returns parts as one. */
export function concat(parts: readonly Uint8Array[], size: number): Uint8Array {
	const b = new Uint8Array(size);
	let at = 0;
	for (const part of parts) {
		b.set(part, at);
		at += part.length;
	}
	return b;
}

/** How much of the window a one-way message of so many bytes takes (clause 5.4). */
export const messageShare = (size: number, window: number): number => Math.max(1, Math.min(1 + Math.floor(size / 4096), 5, window));

/** Something on its way out on the call lane: in at most one queue, in one or several frames. */
export abstract class Item {
	/** Its id; calls have none before their first frame. */
	id = 0;
	/** Bytes of the payload that are in batches. */
	off = 0;
	/** Its last frame is in a batch, and the number after it. */
	whole = false;
	end = 0;
	/** Whoever meets it in a queue shall leave it out. */
	dropped = false;
	/** Its size was taken off the peer's credit for large messages. */
	reserved = false;

	constructor(public payload: Uint8Array) {}

	/** Whether a frame of it is in a batch. */
	get begun(): boolean {
		return this.off > 0 || this.whole;
	}

	get large(): boolean {
		return this.payload.length > maxPayload;
	}

	/** Whose message its further frames continue: 0 a call, F2 a reply (clause 6.6). */
	readonly of: number = 0;

	/** Fills in the first frame. */
	abstract head(f: Frame, now: number): void;

	/** Takes note that the last frame is in a batch. */
	sent(): void {}
}

/** A first-in-first-out queue that is cheap at both ends. */
export class Queue<T extends { readonly dropped: boolean }> {
	private items: T[] = [];
	private at = 0;

	push(v: T): void {
		this.items.push(v);
	}

	/** Returns the first one that was not dropped. */
	get first(): T | undefined {
		while (this.at < this.items.length && (this.items[this.at] as T).dropped) this.at++;
		if (this.at === this.items.length || this.at > 1024) {
			this.items = this.items.slice(this.at);
			this.at = 0;
		}
		return this.items[this.at];
	}

	shift(): T | undefined {
		const v = this.first;
		if (v) this.at++;
		return v;
	}
}
