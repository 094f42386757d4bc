import { decode, encode, type Type } from '../codec/types.js';
import { Code, TwinwireError, wrapped } from '../error.js';
import { concat, getVarint, none, withLength } from '../frame/varint.js';
import { Limit } from '../machine/config.js';
import { closedOut, consume, type InStream, type OutStream, reset, stop, write } from '../machine/streams.js';
import { chunksOf, type Iterated, type Pull, pulled } from './iterate.js';
import { later, type Link } from './link.js';

/** Says that nobody wants more of a stream of the peer (clause 12.7). */
export function stopReading(link: Link, s: InStream, code: number = Code.Canceled): void {
	stop(link.machine, s, code);
	link.kick();
}

/** Finds what comes next at the beginning of bytes, and where it ends: undefined if there are too few. */
export type Split<T> = (b: Uint8Array) => readonly [next: T, end: number] | undefined;

/** Takes bytes as they come. */
export const chunks: Split<Uint8Array> = (b) => (b.length ? [b, b.length] : undefined);

const malformed = (): TwinwireError => new TwinwireError(Code.BadRequest, 'malformed stream of values');

/** Takes values, each at most so long (clause 12.10). */
export const valuesOf =
	<T>(type: Type<T>, most: number): Split<T> =>
	(b) => {
		const c = { b, at: 0, end: b.length };
		const n = b.length ? getVarint(c) : -1;
		if (n > most || (n < 0 && b.length >= 8)) throw malformed();
		const end = c.at + n;
		return n >= 0 && end <= b.length ? [decode(type, b.subarray(c.at, end)), end] : undefined;
	};

/** Reads what a stream of the peer is made of, as far as it has arrived. It throws why the stream was given up. */
export function reader<T>(link: Link, s: InStream, split: Split<T>): Pull<T> {
	let b = none;
	return () => {
		for (;;) {
			const found = split(b);
			if (found) {
				b = b.subarray(found[1]);
				return [found[0]];
			}
			const more = s.chunks.shift();
			if (more) {
				consume(link.machine, s, more.length);
				link.kick();
				b = b.length ? concat([b, more]) : more;
			} else if (s.error) throw s.error;
			else if (!s.ended && !s.stopped) return [];
			else if (b.length) throw malformed();
			else return undefined;
		}
	};
}

/** Yields what a stream of the peer is made of, and then stops it. */
export const readStream = <T>(link: Link, s: InStream, split: Split<T>): Iterated<T> =>
	pulled(reader(link, s, split), (wake) => {
		s.wake = wake;
		return () => stopReading(link, s);
	});

/** Makes a stream for the platform of bytes; canceling it leaves them. */
export const streamOf = (all: AsyncIterator<Uint8Array>): ReadableStream<Uint8Array> =>
	new ReadableStream<Uint8Array>(
		{
			pull: async (controller) => {
				const { value, done } = await all.next();
				if (done) controller.close();
				else controller.enqueue(value);
			},
			cancel: () => void all.return?.(),
		},
		{ highWaterMark: 0 },
	);

/** After how many bytes a source lets others have their turn. */
const turn = 16 << 10;

/** Sends a source in a stream of this side, to its end or as far as it is wanted. It throws what the source failed with, and calls failed. */
export async function sendSource(link: Link, s: OutStream, source: Source, failed?: () => void): Promise<void> {
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
		reset(link.machine, s, wrapped(err, Code.Internal, (Object(err) as Partial<Error>).message));
		failed?.();
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
		else yield* 'stream' in body ? chunksOf(body.stream()) : 'getReader' in body ? chunksOf(body) : body;
	},
});

/** A source of values (clause 12.10). */
export const values = <T>(type: Type<T>, of: AsyncIterable<T> | Iterable<T>): Source => ({
	bulk: false,
	async *chunks() {
		for await (const v of of) yield withLength(encode(type, v));
	},
});
