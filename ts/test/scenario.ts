// Plays internal/conformance/testdata/scenario.json, as that package does in Go.
import { bytes, Code, type Handlers, handler, metadata, onEvent, type Session, TwinwireError, values } from '../src/index.js';
import { string, struct, uint32, uint64 } from '../src/codec/index.js';
import { Everything, lab, Said, State } from './lab.js';

export interface Step {
	readonly do: string;
	readonly a?: string;
	readonly b?: string;
	readonly n?: number;
	readonly ms?: number;
	readonly bytes?: number;
	readonly big?: string;
	readonly huge?: string;
	readonly key?: string;
	readonly want?: readonly string[];
	readonly sum?: string;
	readonly code?: number;
	readonly text?: string;
}

type Move = (s: Session, step: Step) => Promise<unknown[]>;

const letters = (n = 0): Uint8Array<ArrayBuffer> => Uint8Array.from({ length: n }, (_, i) => 97 + (i % 26));
const numbers = (n = 0): Iterable<number> => Array(n).keys();
const wrong = (is: boolean, ...got: unknown[]): unknown[] => (is ? ['wrong', ...got] : []);
const hex = (b: Uint8Array): string => Array.from(b, (v) => v.toString(16).padStart(2, '0')).join('');
const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((v, i) => v === b[i]);

async function ascending(all: AsyncIterable<number>, n = 0): Promise<unknown[]> {
	let i = 0;
	for await (const got of all) if (got !== i++) return [got];
	return wrong(i !== n, i);
}

const moves: { readonly [name: string]: Move } = {
	divide: async (s, { a = '', b = '' }) => {
		const { quotient, rest } = await s.call(lab.divide, { a: BigInt(a), b: BigInt(b) });
		return [quotient, rest];
	},
	fail: async (s, { code = 0, text = '' }) => {
		await s.call(lab.fail, { code, text });
		return [];
	},
	echo: async (s, step) => {
		const value = { ...Everything.zero(), Text: step.text ?? '', Big: BigInt(step.big ?? 0), Huge: BigInt(step.huge ?? 0), Bytes: letters(step.bytes) };
		const got = await s.call(lab.echo, { value });
		return wrong(got.Text !== value.Text || got.Big !== value.Big || got.Huge !== value.Huge || !same(got.Bytes, value.Bytes), got.Text, got.Big, got.Huge);
	},
	meta: async (s, { key = '', text = '' }) => {
		let answered: { readonly [key: string]: string } = {};
		const got = await s.call(lab.meta, { key }, { metadata: metadata({ [key]: text }, (m) => (answered = m)) });
		return wrong(got !== text || answered[key] !== text, got, answered[key]);
	},
	sleep: async (s, { ms = 0 }) => {
		await s.call(lab.sleep, { time: 60_000 }, { timeout: ms });
		return [];
	},
	cancel: async (s) => {
		const controller = new AbortController();
		const sleeping = s.call(lab.sleep, { time: 60_000 }, { signal: controller.signal });
		setTimeout(() => controller.abort(), 0);
		await sleeping;
		return [];
	},
	count: (s, { n = 0 }) => ascending(s.values(lab.count, { n }), n),
	countAndFail: (s, { n = 0 }) => ascending(s.values(lab.countAndFail, { n }), n),
	leave: async (s, { n }) => {
		for await (const got of s.values(lab.count, { n: 4_000_000_000 })) if (got === n) return [];
		return ['ended'];
	},
	sum: async (s, { n }) => [await s.call(lab.sum, undefined, { source: values(uint32, numbers(n)) })],
	sums: async (s, { n }) => {
		const all: bigint[] = [];
		for await (const sum of s.values(lab.sums, undefined, { source: values(uint32, numbers(n)) })) all.push(sum);
		return [all.length === n ? all.at(-1) : all.length];
	},
	first: async (s, { n }) => [await s.call(lab.first, undefined, { source: values(uint32, numbers(n)) })],
	put: async (s, step) => {
		const got = await s.call(lab.put, { name: 'blob' }, { source: bytes(new Blob([letters(step.bytes)])) });
		return wrong(got.Size !== BigInt(step.bytes ?? 0) || hex(got.Sum).slice(0, 8) !== step.sum, hex(got.Sum));
	},
	get: async (s, { bytes: n = 0 }) => {
		const b = new Uint8Array(await new Response(s.body(lab.get, { n })).arrayBuffer());
		return wrong(b.length !== n || b[n - 1] !== (n - 1) % 256, b.length);
	},
	upper: async (s, { bytes: n }) => {
		const text = await new Response(s.body(lab.upper, undefined, { source: bytes([letters(n)]) })).text();
		return wrong(text !== new TextDecoder().decode(letters(n)).toUpperCase(), text.length);
	},
	note: async (s, { n = 0 }) => {
		for (const i of numbers(n)) await s.send(lab.note, { text: String(i) });
		for (;;) {
			// Messages and calls do not wait for each other.
			const notes = await s.call(lab.notes, undefined);
			const odd = notes.find((note, i) => note !== String(i));
			if (odd !== undefined) return [odd];
			if (notes.length === n) return [];
		}
	},
	events: async (s, { text: topic = '', n = 0 }) => {
		const got: unknown[] = [];
		const stop = onEvent(s, (d) => d.kind !== 'subscribed' && got.push(d.topic === topic && d.type === 'lab.Said' && !d.missed ? d.decode(Said).Number : d));
		await s.call(lab.join, { topic });
		await s.call(lab.emit, { topic, from: 0, to: n });
		stop();
		await s.call(lab.leave, { topic });
		return wrong(got.length !== n || got.some((v, i) => v !== i), got.length);
	},
	state: async (s, { n = 0, text }) => {
		const view = s.state('lab', State);
		await s.call(lab.play, { step: n });
		const v = view.get(); // as the reply comes after it
		return v?.Title === text ? [...(v?.Players.keys() ?? [])].sort() : [v?.Title];
	},
	together: async (s, { n }) => {
		const all = await Promise.all(Array.from(numbers(n), (i) => s.call(lab.divide, { a: BigInt(i), b: 1n })));
		return wrong(all.some((r, i) => r.quotient !== BigInt(i)));
	},
	tour: (s, { text = '' }) => s.call(lab.tour, { name: text }) as Promise<unknown[]>,
	/** Values come, bytes go and both sides call while their wire is cut. */
	cut: async (s, step) => {
		const { n = 0, bytes: size = 0 } = step;
		const wires = new Set<string>();
		let cuts = 0;
		const cut = async (): Promise<void> => {
			wires.add(await s.call(lab.cut, undefined));
			if (wires.size < ++cuts) throw new Error('the wire is the one that was cut');
		};
		let i = 0;
		for await (const got of s.values(lab.count, { n })) {
			if (got !== i++) return [got];
			if (i === n / 2) await cut();
		}
		if (i !== n) return [i];
		const half = async function* (): AsyncGenerator<Uint8Array> {
			yield letters(size).subarray(0, size / 2);
			await cut();
			yield letters(size).subarray(size / 2);
		};
		const got = await s.call(lab.put, { name: 'blob' }, { source: bytes(half()) });
		if (hex(got.Sum).slice(0, 8) !== step.sum) return ['wrong', hex(got.Sum)];
		const [said] = await Promise.all([s.call(lab.tour, { name: step.text ?? '' }), cut()]);
		return said as unknown[];
	},
};

/** What a client serves, for the steps in which the server calls. */
export const visitor: Handlers = {
	'page.Greet': handler({ args: struct({ name: string }), result: string }, ({ name }) => `Hello, ${name}!`),
	'page.Letters': handler({ args: struct({ text: string }) }, ({ text }) => values(string, text)),
	'page.Shout': handler({}, (_, request) => {
		const upper = new TransformStream<Uint8Array, Uint8Array>({ transform: (b, c) => c.enqueue(b.map((v) => (v >= 97 && v <= 122 ? v - 32 : v))) });
		return bytes(request.body().pipeThrough(upper));
	}),
	'page.Add': handler({ result: uint64 }, async (_, request) => {
		let sum = 0n;
		for await (const n of request.values(uint32)) sum += BigInt(n);
		return sum;
	}),
	'page.Wait': handler((_, request) => new Promise((_resolve, reject) => request.signal.addEventListener('abort', () => reject(request.signal.reason)))),
	'page.Tick': handler(() => {}),
};

/** Plays the scenario over a session. */
export async function play(s: Session, steps: readonly Step[]): Promise<void> {
	for (const [i, step] of steps.entries()) {
		const name = `step ${i}, ${step.do}`;
		const move = moves[step.do];
		if (!move) throw new Error(`${name}: nobody knows how`);
		let code: number = Code.Accepted;
		try {
			const got = (await move(s, step)).map(String);
			if (got.join() !== (step.want ?? []).join()) throw new Error(`${name}: ${got} in place of ${step.want}`);
		} catch (err) {
			if (!(err instanceof TwinwireError)) throw err;
			code = err.code;
			if (code !== (step.code ?? 0) || (step.text !== undefined && err.message !== step.text)) throw new Error(`${name}: ${err}`, { cause: err });
		}
		if (code !== (step.code ?? 0)) throw new Error(`${name}: no error`);
	}
}
