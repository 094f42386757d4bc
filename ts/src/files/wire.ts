import { bytes, date, decode, encode, optional, string, struct, type Type, type TypeOf, uint16, uint32, uint53, value } from '../codec/types.js';
import type { Value } from '../codec/value.js';
import { Code, TwinwireError } from '../error.js';
import { concat, getVarint, none, withLength } from '../frame/varint.js';
import { Limit } from '../machine/config.js';
import { closedOut, type InStream, type OutStream, reset, write } from '../machine/streams.js';
import { chunks, readStream, stopReading } from '../session/exchange.js';
import type { Link } from '../session/link.js';

/** The slots of the conversations about the files of a call (clause 13.1): of files of the caller, and of the callee. */
export const slotUp = 1;
export const slotDown = 2;

/** How a file or a conversation ended; null where nothing is said of that. */
const ending = { code: optional(uint16), text: string };

/** The first value of the sender (clause 13.2). */
export const Head = struct({ files: optional(uint32), ...ending });

/** An entry of the manifest (clause 13.3). */
export const Entry = struct({ name: string, size: optional(uint53), time: optional(date), mode: optional(uint32), sum: optional(bytes) });

/** Where a content begins or ends (clauses 13.5 and 13.7). */
export const Mark = struct({ at: optional(uint53), size: optional(uint53), sum: optional(bytes), ...ending });

/** What the receiver says of a file (clauses 13.4 and 13.8). */
export const Reply = struct({ file: uint32, at: optional(uint53), sum: optional(bytes), ...ending });
export type Reply = TypeOf<typeof Reply>;

const maxText = 1024;
const maxHash = 32;

/** The error of what clause 13 forbids (clause 13.9). */
export const broken = (): TwinwireError => new TwinwireError(Code.BadRequest, 'the peer broke the protocol of files');

/** The error of a peer that wants nothing of files. */
export const unwilling = (cause?: unknown): TwinwireError => new TwinwireError(Code.FailedPrecondition, 'the peer takes or sends no files', { cause });

/** The error that an end tells of, if it is one. */
export const told = ({ code, text }: { readonly code: number | null; readonly text: string }): TwinwireError | undefined => (code ? new TwinwireError(code, text.slice(0, maxText).replace(/\p{Cc}/gu, '?')) : undefined);

/** What an end says of an error. */
export function ends(err: unknown): { readonly code: number; readonly text: string } {
	if (err === undefined) return { code: Code.Accepted, text: '' };
	return err instanceof TwinwireError ? { code: err.code, text: err.message.slice(0, maxText / 4) } : { code: Code.Internal, text: '' };
}

/** One end of a conversation: the stream of this side and that of the peer. */
export class Conversation {
	private b = none;
	private readonly chunks = readStream(this.link, this.ins, chunks);

	constructor(
		private readonly link: Link,
		readonly out: OutStream,
		readonly ins: InStream,
	) {}

	/** Sends bytes; it waits until there is room, and throws why they are not taken. */
	async send(b: Uint8Array): Promise<void> {
		const { link, out } = this;
		while (out.queued >= Limit.StreamBuffer && !closedOut(out)) await new Promise<void>((wake) => (out.wake = wake));
		if (closedOut(out)) {
			const { error } = out;
			throw error instanceof TwinwireError && error.code !== Code.Canceled ? error : unwilling(error);
		}
		write(out, b);
		link.kick();
	}

	/** Sends a value (clause 12.10). What is undefined is left out. */
	say(v: { readonly [key: string]: Value }): Promise<void> {
		return this.send(withLength(encode(value, v)));
	}

	/** Says that nothing follows. */
	end(): void {
		this.out.ended = true;
		this.link.kick();
	}

	/** Gives both streams up (clause 13.9). */
	giveUp(error: TwinwireError): void {
		const { out } = this;
		if (out.begun || closedOut(out)) reset(this.link.machine, out, error);
		else {
			// A peer that waits for it is not told of the reset of what did not begin.
			out.chunks = [];
			out.queued = 0;
			out.ended = true;
		}
		stopReading(this.link, this.ins, error.code);
	}

	/** Has at least n bytes at hand, and reports whether there are so many. */
	private async have(n: number): Promise<boolean> {
		const parts = [this.b];
		for (let size = this.b.length; size < n; ) {
			const { value, done } = await this.chunks.next();
			if (done) break;
			parts.push(value);
			size += value.length;
		}
		this.b = concat(parts);
		return this.b.length >= n;
	}

	/** Whether nothing follows. */
	async done(): Promise<boolean> {
		return !(await this.have(1));
	}

	/** Takes up to n bytes, at least one. */
	async some(n: number): Promise<Uint8Array> {
		if (!(await this.have(1))) throw broken();
		const b = this.b.subarray(0, n);
		this.b = this.b.subarray(b.length);
		return b;
	}

	/** Takes a number of two bytes. */
	async length(): Promise<number> {
		if (!(await this.have(2))) throw broken();
		const [high = 0, low = 0] = this.b;
		this.b = this.b.subarray(2);
		return high * 256 + low;
	}

	/** Takes a value. It throws early at the end. */
	async hear<T>(type: Type<T>, early = broken): Promise<T> {
		if (!(await this.have(1))) throw early();
		await this.have(1 << ((this.b[0] as number) >> 6));
		const c = { b: this.b, at: 0, end: this.b.length };
		const n = getVarint(c);
		// A value is small: a name or a text is the longest in it.
		if (n < 0 || n > 64 << 10 || !(await this.have(c.at + n))) throw broken();
		const v = this.b.subarray(c.at, c.at + n);
		this.b = this.b.subarray(c.at + n);
		try {
			const t = decode(type, v);
			const { sum, code } = t as { readonly sum?: Uint8Array | null; readonly code?: number | null };
			if ((sum && sum.length !== maxHash) || (code ?? 0) > 4095) throw 0;
			return t;
		} catch {
			throw broken();
		}
	}
}
