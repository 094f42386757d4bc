import { TwinwireError, violation } from '../error.js';
import { encodeFrame, parseFrame } from '../frame/frame.js';
import { layouts, maxPayload } from '../frame/layout.js';
import { concat } from '../frame/varint.js';
import { type Carrier, nobody } from '../wires/carrier.js';
import type { Compression } from './connect.js';

/** What is not worth it (clause 16.4), and what a payload may inflate to, by its size (clause 16.3). */
const least = 512;
const mostRatio = 100;
const emptyBlock = Uint8Array.of(0, 0, 0, 0xff, 0xff);

/** Runs bytes through a stream, and returns what comes out if it is no more than most. */
async function through(b: Uint8Array, stream: CompressionStream | DecompressionStream, most: number): Promise<Uint8Array> {
	const writer = stream.writable.getWriter();
	const written = [writer.write(b as Uint8Array<ArrayBuffer>), writer.close()];
	for (const w of written) w.catch(() => {}); // the reader is told
	const reader = (stream.readable as ReadableStream<Uint8Array>).getReader();
	const parts: Uint8Array[] = [];
	for (let n = 0; ; ) {
		const { value, done } = await reader.read();
		if (done) return concat(parts);
		parts.push(value);
		if ((n += value.length) > most) {
			reader.cancel().catch(() => {});
			throw violation(16.3);
		}
	}
}

/** Returns frames with other payloads, where change has one for them. */
async function frames(b: Uint8Array, change: (f: ReturnType<typeof parseFrame>[0]) => Promise<void> | undefined): Promise<Uint8Array> {
	const parts: Uint8Array[] = [];
	for (let at = 0; at < b.length; ) {
		const [f, end] = parseFrame(b, at);
		const changed = change(f);
		await changed;
		parts.push(changed ? encodeFrame(f) : b.subarray(at, end));
		at = end;
	}
	return concat(parts);
}

const inflate = (b: Uint8Array): Promise<Uint8Array> =>
	frames(b, (f) => {
		if (!f.packed) return undefined;
		return (async () => {
			const { length } = f.payload;
			f.payload = await through(f.payload, new DecompressionStream('deflate-raw'), Math.min(maxPayload, length * mostRatio));
			f.packed = false;
		})();
	});

const compress = (b: Uint8Array): Promise<Uint8Array> =>
	frames(b, (f) => {
		const { payload } = f;
		if (payload.length <= least || !layouts[f.kind]?.packs) return undefined;
		return (async () => {
			const packed = await through(payload, new CompressionStream('deflate-raw'), Infinity);
			if (packed.length > 0.9 * payload.length) return;
			// What would be too small gets empty blocks in front.
			const missing = Math.max(0, Math.ceil((payload.length / mostRatio - packed.length) / emptyBlock.length));
			f.payload = concat([...Array<Uint8Array>(missing).fill(emptyBlock), packed]);
			f.packed = true;
		})();
	});

/** DEFLATE, as browsers and Node have it: for ConnectOptions.compression (clause 16). */
export const deflate = (): Compression => ({
	name: 'deflate',
	wrap: (inner) => {
		/** What is under way by pipe, in its order. */
		const coming = new Map<number, Promise<void>>();
		const going = new Map<number, Promise<void>>();
		let over = false;
		const fail = (err: unknown): void => {
			if (over) return;
			over = true;
			const { code, message } = err instanceof TwinwireError ? err : violation(16.3);
			inner.close(code, message);
			carrier.receiver.closed(code, message);
		};
		const enqueue = (all: Map<number, Promise<void>>, pipe: number, work: () => Promise<void>): void => {
			const mine = (all.get(pipe) ?? Promise.resolve()).then(work).catch(fail);
			all.set(pipe, mine);
			void mine.then(() => {
				if (all.get(pipe) === mine) all.delete(pipe);
				if (all === going && !over) carrier.receiver.ready();
			});
		};
		const carrier: Carrier = {
			wire: inner.wire,
			independent: inner.independent,
			datagrams: inner.datagrams,
			receiver: nobody,
			writable: (pipe) => !going.has(pipe) && inner.writable(pipe),
			send: (pipe, b) => {
				if (b.length > least || going.has(pipe)) enqueue(going, pipe, async () => inner.send(pipe, await compress(b)));
				else inner.send(pipe, b);
			},
			close: (code, reason) => {
				if (over) return;
				over = true;
				void Promise.all(going.values()).then(() => inner.close(code, reason));
			},
		};
		inner.receiver = {
			frames: (pipe, b) =>
				enqueue(coming, pipe, async () => {
					const whole = await inflate(b);
					if (!over) carrier.receiver.frames(pipe, whole);
				}),
			ready: () => carrier.receiver.ready(),
			closed: (code, reason) =>
				void Promise.all(coming.values()).then(() => {
					if (over) return;
					over = true;
					carrier.receiver.closed(code, reason);
				}),
		};
		return carrier;
	},
});
