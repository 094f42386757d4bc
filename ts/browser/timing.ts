// What bench.mjs measures in a page: when its first call was answered, counted
// from the navigation; and how long calls take then, beside messages of the same
// size that a bare WebTransport or WebSocket sends and gets back, in turns.
import { connect, webSocket, webTransport } from '../src/index.js';
import { lab } from '../test/lab.js';

const turns = 5;
const each = 100;
/** The bytes of a call of divide, with the acknowledgement that goes along. */
const size = 24;

const query = new URLSearchParams(location.search);
const of = (name: string): string => query.get(name) ?? '';
const hashOf = (base64: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

/** Sends a message and waits until it is back. */
type Echo = () => Promise<void>;

async function bareTransport(): Promise<Echo> {
	const transport = new WebTransport(`https://${of('bare')}/`, { serverCertificateHashes: [{ algorithm: 'sha-256', value: hashOf(of('bareHash')) }] });
	await transport.ready;
	const stream = await transport.createBidirectionalStream();
	const [writer, reader] = [stream.writable.getWriter(), stream.readable.getReader()];
	const message = new Uint8Array(size);
	return async () => {
		void writer.write(message);
		for (let n = 0; n < size; ) n += (await reader.read()).value?.length ?? size;
	};
}

async function bareSocket(): Promise<Echo> {
	const socket = new WebSocket(`wss://${of('bare')}/`);
	socket.binaryType = 'arraybuffer';
	await new Promise((resolve) => (socket.onopen = resolve));
	const message = new Uint8Array(size);
	return () =>
		new Promise((resolve) => {
			socket.onmessage = () => resolve();
			socket.send(message);
		});
}

/** The median of v. */
const median = (v: number[]): number => v.sort((a, b) => a - b)[v.length >> 1] ?? 0;

async function measure(): Promise<{ first: number; trip: number; bare: number }> {
	const transport = of('wire') === 'webtransport';
	await using s = await connect(of('address'), { wires: [transport ? webTransport([hashOf(of('hash'))]) : webSocket()] });
	const call = (): Promise<unknown> => s.call(lab.divide, { a: 17n, b: 5n });
	await call();
	const first = performance.now();
	const echo = await (transport ? bareTransport() : bareSocket());
	const trips: number[] = [];
	const bare: number[] = [];
	for (let turn = 0; turn < turns; turn++) {
		for (const [go, times] of [[call, trips], [echo, bare]] as const) {
			for (let n = 0; n < each; n++) {
				const began = performance.now();
				await go();
				times.push(performance.now() - began);
			}
		}
	}
	return { first, trip: median(trips), bare: median(bare) };
}

Object.assign(globalThis, { measured: measure() });
