import { decode, encode, type Type } from '../codec/types.js';
import { Code, TwinwireError } from '../error.js';
import { concat, getVarint, none, withLength } from '../frame/varint.js';
import { Limit } from '../machine/config.js';
import { closedOut, consume, type InStream, type OutStream, reset, stop, write } from '../machine/streams.js';
import { later, type Link } from './link.js';

/** Takes the next bytes off a stream of the peer, undefined at the end. It throws why the stream was given up. */
export async function read(link: Link, s: InStream): Promise<Uint8Array | undefined> {
	for (;;) {
		const b = s.chunks.shift();
		if (b) {
			consume(link.machine, s, b.length);
			link.kick();
			return b;
		}
		if (s.error) throw s.error;
		if (s.ended || s.stopped) return undefined;
		await new Promise<void>((wake) => (s.wake = wake));
	}
}

/** Says that nobody wants more of a stream of the peer (clause 12.7). */
export function stopReading(link: Link, s: InStream, code: number = Code.Canceled): void {
	stop(link.machine, s, code);
	link.kick();
}

/** Yields the values of a stream of values (clause 12.10), and then stops it. */
export async function* readValues<T>(link: Link, s: InStream, type: Type<T>): AsyncGenerator<T, void, undefined> {
	let b = none;
	try {
		for (;;) {
			const c = { b, at: 0, end: b.length };
			const n = b.length ? getVarint(c) : -1;
			if (n > link.machine.own.max || (n < 0 && b.length >= 8)) throw new TwinwireError(Code.BadRequest, 'malformed stream of values');
			const end = c.at + n;
			if (n >= 0 && end <= b.length) {
				const v = decode(type, b.subarray(c.at, end));
				b = b.subarray(end);
				yield v;
				continue;
			}
			const more = await read(link, s);
			if (!more) {
				if (b.length) throw new TwinwireError(Code.BadRequest, 'malformed stream of values');
				return;
			}
			b = b.length ? concat([b, more]) : more;
		}
	} finally {
		stopReading(link, s);
	}
}

/** Returns the bytes of a stream; canceling it stops the peer's. After its end, done is waited for. */
export const readBody = (link: Link, s: InStream, done: () => unknown, cancel: () => void): ReadableStream<Uint8Array> =>
	new ReadableStream<Uint8Array>(
		{
			pull: async (controller) => {
				let b: Uint8Array | undefined;
				try {
					b = await read(link, s);
				} catch (err) {
					await done(); // says more
					throw err;
				}
				if (b) return controller.enqueue(b);
				await done();
				controller.close();
			},
			cancel: () => {
				stopReading(link, s);
				cancel();
			},
		},
		{ highWaterMark: 0 },
	);

/** After how many bytes a source lets others have their turn. */
const turn = 16 << 10;

/** Sends a source in a stream of this side, to its end or as far as it is wanted. It throws what the source failed with. */
export async function sendSource(link: Link, s: OutStream, source: Source): Promise<void> {
	let written = 0;
	try {
		for await (const b of source.chunks()) {
			while (s.queued >= Limit.StreamBuffer && !closedOut(s)) await new Promise<void>((wake) => (s.wake = wake));
			if (closedOut(s)) return;
			write(s, b);
			link.kick(later); // more may follow at once
			if ((written += b.length) < turn) continue;
			written = 0;
			await new Promise<void>(later);
		}
		s.ended = true;
	} catch (err) {
		if (closedOut(s)) return;
		reset(link.machine, s, err instanceof TwinwireError ? err : new TwinwireError(Code.Internal, err instanceof Error ? err.message : ''));
		throw err;
	} finally {
		link.kick();
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
export const bytes = (body: Body): Source => ({
	bulk: true,
	async *chunks() {
		if (body instanceof Uint8Array) yield body;
		else yield* 'stream' in body ? iterate(body.stream()) : 'getReader' in body ? iterate(body) : body;
	},
});

/** Iterates over a stream; not every browser does by itself. */
async function* iterate(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
	const reader = stream.getReader();
	try {
		for (let r = await reader.read(); !r.done; r = await reader.read()) yield r.value;
	} finally {
		reader.cancel().catch(() => {});
	}
}

/** A source of values (clause 12.10). */
export const values = <T>(type: Type<T>, of: AsyncIterable<T> | Iterable<T>): Source => ({
	bulk: false,
	async *chunks() {
		for await (const v of of) yield withLength(encode(type, v));
	},
});
