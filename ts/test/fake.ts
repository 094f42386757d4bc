// A server in memory that says what a test has it say.
import assert from 'node:assert/strict';
import { encode, value } from '../src/codec/index.js';
import { encodeFrame, Frame, parseFrame } from '../src/frame/frame.js';
import { Kind } from '../src/frame/layout.js';
import type { Carrier, Receiver, Wire } from '../src/wires/carrier.js';
import { type MemoryCarrier, memoryPipe } from '../src/wires/memory.js';

/** One carrier, at the server. */
export class FakeConnection implements Receiver {
	readonly got: { pipe: number; frame: Frame; bytes: Uint8Array }[] = [];
	/** What the client closed it with. */
	end: { code: number | undefined; reason: string } | undefined;
	private waiting: (() => void)[] = [];

	constructor(readonly carrier: MemoryCarrier) {
		carrier.receiver = this;
	}

	frames(pipe: number, b: Uint8Array): void {
		for (let at = 0; at < b.length; ) {
			const [frame, end] = parseFrame(b, at);
			this.got.push({ pipe, frame, bytes: b.slice(at, end) });
			at = end;
		}
		this.changed();
	}

	ready(): void {}

	closed(code: number | undefined, reason: string): void {
		this.end = { code, reason };
		this.changed();
	}

	private changed(): void {
		for (const wake of this.waiting.splice(0)) wake();
	}

	/** Waits until something holds. */
	async until(what: () => boolean): Promise<void> {
		while (!what()) await new Promise<void>((wake) => this.waiting.push(wake));
	}

	/** Takes frames off what has come, up to the next of a kind, which it returns. */
	async next(kind: number): Promise<Frame> {
		const find = (): number => this.got.findIndex((g) => g.frame.kind === kind);
		await this.until(() => find() >= 0);
		return this.got.splice(0, find() + 1).at(-1)?.frame ?? assert.fail();
	}

	/** Waits for a frame of a kind, and returns its bytes. */
	async bytes(kind: number): Promise<Uint8Array[]> {
		const all = (): Uint8Array[] => this.got.filter((g) => g.frame.kind === kind).map((g) => g.bytes);
		await this.until(() => all().length > 0);
		return all();
	}

	send(...frames: Frame[]): void {
		this.carrier.send(0, Buffer.concat(frames.map(encodeFrame)));
	}

	sendIn(pipe: number, ...frames: Frame[]): void {
		this.carrier.send(pipe, Buffer.concat(frames.map(encodeFrame)));
	}
}

export const session = new Uint8Array(16).fill(7);

/** The payload of a WELCOME. */
export function welcome(fields: { [key: string]: number | Uint8Array | number[] | undefined } = {}): Frame {
	const payload = encode(value, {
		v: 1, app: '', appv: '', lanes: 5, calls: 4, msgs: 2, large: 1 << 20, streams: 2, stream: 1000, max: 1 << 20, names: 2, keep: 60_000,
		token: new Uint8Array(32).fill(1), session, gen: 1, ping: 1000, ...fields,
	});
	return new Frame(Kind.Welcome, { payload: payload.slice() });
}

/** A wire to servers of tests: each dial is a new connection, which accept is given. */
export function fakeWire(accept: (c: FakeConnection, dial: number) => void, name = 'memory', independent = false): Wire & { dials: number } {
	const wire = {
		name,
		dials: 0,
		dial: async (): Promise<Carrier> => {
			const [client, server] = memoryPipe(independent);
			Object.defineProperty(client, 'wire', { value: name });
			accept(new FakeConnection(server), ++wire.dials);
			return client;
		},
	};
	return wire;
}

export { Frame, Kind };
