import { Reader } from '../codec/reader.js';
import type { Type } from '../codec/types.js';
import { Writer } from '../codec/writer.js';
import { Code, TwinwireError } from '../error.js';
import { getVarint, putVarint, varintSize } from '../frame/varint.js';
import { limits } from '../machine/config.js';
import type { InStream, OutStream } from '../machine/streams.js';
import { later, type Link } from './link.js';

/** Takes bytes off a stream of the peer. */
export class StreamReader {
	constructor(
		private readonly link: Link,
		private readonly s: InStream,
	) {}

	/** Whether the stream is over with an error, of its sender or of the call. */
	get error(): TwinwireError | undefined {
		return this.s.error;
	}

	/** Returns the next bytes, undefined at the end. It throws why the stream was given up. */
	async read(): Promise<Uint8Array | undefined> {
		const { s, link } = this;
		for (;;) {
			const b = s.chunks.shift();
			if (b) {
				link.machine.streams.consume(s, b.length);
				link.kick();
				return b;
			}
			if (s.error) throw s.error;
			if (s.ended || s.stopped) return undefined;
			await new Promise<void>((wake) => (s.onData = wake));
		}
	}

	/** Says that nobody wants more of it (clause 12.7). */
	stop(code: number): void {
		this.link.machine.streams.stop(this.s, code);
		this.link.kick();
	}

	/** Yields the values of a stream of values (clause 12.10), and then stops it. */
	async *values<T>(type: Type<T>): AsyncGenerator<T, void, undefined> {
		const { max } = this.link.machine.config.own;
		let b: Uint8Array = new Uint8Array(0);
		let at = 0;
		try {
			for (;;) {
				const c = { at };
				const n = Number(getVarint(b, c, b.length));
				if (n > max || (n < 0 && b.length - at >= 8)) throw new TwinwireError(Code.BadRequest, 'malformed stream of values');
				if (n >= 0 && c.at + n <= b.length) {
					at = c.at + n;
					const r = new Reader(b.subarray(c.at, at));
					const v = type.read(r);
					r.finish();
					yield v;
					continue;
				}
				const more = await this.read();
				if (!more) {
					if (at < b.length) throw new TwinwireError(Code.BadRequest, 'stream ended within a value');
					return;
				}
				const rest = b.length - at;
				if (rest === 0) b = more;
				else {
					const joined = new Uint8Array(Math.max(rest + more.length, 0));
					joined.set(b.subarray(at));
					joined.set(more, rest);
					b = joined;
				}
				at = 0;
			}
		} finally {
			this.stop(Code.Canceled);
		}
	}

	/** Returns the bytes as a stream; canceling it stops the peer's. After its end, done is waited for. */
	body(done: () => Promise<unknown>, cancel: () => void): ReadableStream<Uint8Array> {
		return new ReadableStream<Uint8Array>(
			{
				pull: async (controller) => {
					const b = await this.read().catch(async (err: unknown) => {
						await done(); // says more
						throw err;
					});
					if (b) return controller.enqueue(b);
					await done();
					controller.close();
				},
				cancel: () => {
					this.stop(Code.Canceled);
					cancel();
				},
			},
			{ highWaterMark: 0 },
		);
	}
}

/** After how many bytes a source lets others have their turn. */
const turn = 16 << 10;

/** Puts bytes into a stream of this side. */
export class StreamWriter {
	private written = 0;

	constructor(
		private readonly link: Link,
		private readonly s: OutStream,
	) {}

	/** Queues bytes, which must not change any more. It waits for room, and returns false when nobody wants more. */
	async write(b: Uint8Array): Promise<boolean> {
		const { s, link } = this;
		while (s.queued >= limits.streamBuffer && !s.closed) await new Promise<void>((wake) => (s.onRoom = wake));
		if (s.closed) return false;
		link.machine.streams.write(s, b);
		link.defer(); // more may follow at once
		if ((this.written += b.length) >= turn) {
			this.written = 0;
			await new Promise<void>(later);
		}
		return true;
	}

	end(): void {
		this.link.machine.streams.endOut(this.s);
		this.link.kick();
	}

	/** Gives the stream up (clause 12.6). */
	reset(err: unknown): void {
		this.link.machine.streams.reset(this.s, err instanceof TwinwireError ? err : new TwinwireError(Code.Internal, err instanceof Error ? err.message : ''));
		this.link.kick();
	}

	/** Sends a source, to its end or as far as it is wanted. It throws what the source failed with. */
	async send(source: Source): Promise<void> {
		const it = source.chunks()[Symbol.asyncIterator]();
		try {
			for (;;) {
				const { value, done } = await it.next();
				if (done) break;
				if (!(await this.write(value))) {
					await it.return?.();
					return;
				}
			}
		} catch (err) {
			if (this.s.closed) return;
			this.reset(err);
			throw err;
		}
		this.end();
	}
}

/** What a stream of this side is made of: see values and bytes. */
export interface Source {
	/** It yields on the lane of bulk data (clause 4.3). */
	readonly bulk: boolean;
	chunks(): AsyncIterable<Uint8Array>;
}

/** What can be sent as bytes. */
export type Body = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Iterable<Uint8Array> | Blob | Uint8Array;

/** A source of bytes. */
export function bytes(body: Body): Source {
	return {
		bulk: true,
		async *chunks() {
			if (body instanceof Uint8Array) yield body;
			else yield* 'stream' in body ? iterate(body.stream()) : 'getReader' in body ? iterate(body) : body;
		},
	};
}

/** Iterates over a stream; not every browser does by itself. */
async function* iterate(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
	const reader = stream.getReader();
	let whole = false;
	try {
		for (;;) {
			const { value, done } = await reader.read();
			if ((whole = done)) return;
			yield value;
		}
	} finally {
		if (!whole) await reader.cancel().catch(() => {});
	}
}

/** A source of values (clause 12.10). */
export function values<T>(type: Type<T>, of: AsyncIterable<T> | Iterable<T>): Source {
	const w = new Writer();
	return {
		bulk: false,
		async *chunks() {
			for await (const v of of) {
				w.reset();
				type.write(w, v);
				const b = w.finish();
				const framed = new Uint8Array(varintSize(b.length) + b.length);
				framed.set(b, putVarint(framed, 0, b.length));
				yield framed;
			}
		},
	};
}
