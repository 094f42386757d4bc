// The client against a real server, over WebSocket.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { struct, uint32, value } from '../src/codec/index.js';
import { bytes, changes, Code, connect, type ConnectOptions, handler, lifecycle, metadata, method, onEvent, ready, type Session, Timestamp, TwinwireError, untyped, values } from '../src/index.js';
import { Everything, lab, Said, State } from './lab.js';
import { visitor } from './scenario.js';
import { type Sockets, sockets, start, type TestServer } from './server.js';

const within = { timeout: 20_000 };

let server: TestServer;
before(async () => {
	server = await start();
}, within);
after(() => server[Symbol.asyncDispose]());

const dial = (s: Sockets, options?: ConnectOptions): Promise<Session> => connect(`ws://${server.plain}`, { WebSocket: s.WebSocket, ...options });

/** Runs a test with a session. */
const withSession = (f: (s: Session, wires: Sockets) => Promise<void>, options?: ConnectOptions) => async () => {
	const wires = sockets();
	await using s = await dial(wires, options);
	await f(s, wires);
};

const failsWith = (code: number, message?: string) => (err: unknown): boolean => {
	assert.ok(err instanceof TwinwireError, String(err));
	assert.equal(err.code, code, err.message);
	if (message !== undefined) assert.equal(err.message, message);
	return true;
};

async function gather<T>(of: AsyncIterable<T>): Promise<T[]> {
	const all: T[] = [];
	for await (const v of of) all.push(v);
	return all;
}

async function all(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
	return Buffer.concat(await gather(stream as unknown as AsyncIterable<Uint8Array>));
}

/** Waits for something that others bring about. */
async function until(what: () => boolean | Promise<boolean>): Promise<void> {
	for (const end = Date.now() + 10_000; !(await what()); ) {
		if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}

const numbers = async function* (n: number): AsyncGenerator<number> {
	for (let i = 0; i < n; i++) yield i;
};

describe('calls', within, () => {
	it('carry every kind of value without loss', withSession(async (s) => {
		const value = {
			Bool: true, Small: -128, Int: -2147483648, Big: -9223372036854775808n, Huge: 18446744073709551615n, Half: 1.5, Whole: Math.PI, Text: 'žluťoučký 🐎 kůň, and much more text than fits',
			Bytes: Uint8Array.of(0, 255), Hash: Uint8Array.of(1, 2, 3, 4), Time: new Timestamp(1700000000, 123456789), Duration: 1500.5, List: ['', 'a'], Pair: [1, 65535],
			Map: new Map([['x', -1], ['y', 70000]]), Numbers: new Map([[-5n, 'minus five'], [9007199254740993n, 'odd']]), Next: { Name: 'next', Count: 4294967295 }, Inner: { Name: 'inner', Count: 0 },
			Many: [{ Name: 'one', Count: 1 }, { Name: 'two', Count: 2 }],
		};
		assert.deepEqual(await s.call(lab.echo, { value }), value);
		for (const Time of [new Timestamp(-62135596800), new Timestamp(0), new Timestamp(2 ** 32, 999999999), new Timestamp(2 ** 34 - 1, 1), new Timestamp(2 ** 34, 5), new Timestamp(-1, 999999999)])
			assert.deepEqual((await s.call(lab.echo, { value: { ...value, Time } })).Time, Time);
		assert.deepEqual(await s.call(lab.echo, { value: Everything.zero() }), Everything.zero());
	}));
	it('work without types', withSession(async (s) => {
		assert.deepEqual(await s.call(untyped('lab.Divide'), { a: 17, b: 5 }), { quotient: 3, rest: 2 });
		assert.deepEqual(await s.call(untyped('lab.Divide'), { a: 9223372036854775807n, b: 1 }), { quotient: 9223372036854775807n, rest: 0 });
		assert.equal(await s.call(untyped('lab.Leave'), { topic: 'none' }), null);
	}));
	it('fail with the code, the text and the details of the callee', withSession(async (s) => {
		await assert.rejects(s.call(lab.divide, { a: 1n, b: 0n }), (err) => {
			failsWith(Code.BadRequest, 'division by zero')(err);
			assert.equal((err as TwinwireError).name, 'BadRequest');
			assert.deepEqual((err as TwinwireError).details, Uint8Array.of(0xa1, 0x62));
			return true;
		});
		await assert.rejects(s.call(lab.fail, { code: 4000, text: 'ours' }), failsWith(4000, 'ours'));
		await assert.rejects(s.call(untyped('lab.Nothing'), undefined), failsWith(Code.NotImplemented));
		await assert.rejects(s.call(untyped('lab.Divide'), 'no struct'), failsWith(Code.BadRequest));
		await assert.rejects(s.call(untyped('not a name'), undefined), failsWith(Code.BadRequest));
	}));
	it('of many frames arrive whole, beside each other', withSession(async (s) => {
		const value = { ...Everything.zero(), Bytes: new Uint8Array(3_000_000).map((_, i) => i * 7) };
		const replies = await Promise.all([1, 2, 3, 4].map((Small) => s.call(lab.echo, { value: { ...value, Small } })));
		replies.forEach((r, i) => assert.deepEqual([r.Small, Buffer.compare(r.Bytes, value.Bytes)], [i + 1, 0]));
		await assert.rejects(s.call(lab.echo, { value: { ...value, Bytes: new Uint8Array(5 << 20) } }), failsWith(Code.TooLarge));
	}));
	it('wait for the window beyond 256', withSession(async (s) => {
		const all = await Promise.all(Array.from({ length: 1000 }, (_, i) => s.call(lab.divide, { a: BigInt(i), b: 10n })));
		all.forEach((r, i) => assert.equal(r.quotient, BigInt(Math.floor(i / 10))));
	}));
	it('are canceled by their signal, and the handler too', withSession(async (s) => {
		const why = new Error('changed my mind');
		const controller = new AbortController();
		const sleeping = s.call(lab.sleep, { time: 60_000 }, { signal: controller.signal });
		await s.call(lab.canceled, undefined);
		controller.abort(why);
		await assert.rejects(sleeping, (err) => failsWith(Code.Canceled, 'changed my mind')(err) && (err as TwinwireError).cause === why);
		await until(async () => (await s.call(lab.canceled, undefined)) === 1);
		await assert.rejects(s.call(lab.sleep, { time: 1 }, { signal: controller.signal }), failsWith(Code.Canceled));
		await assert.rejects(s.call(lab.sleep, { time: 60_000 }, { signal: AbortSignal.timeout(10) }), failsWith(Code.DeadlineExceeded));
	}));
	it('have deadlines that travel', withSession(async (s) => {
		await assert.rejects(s.call(lab.sleep, { time: 60_000 }, { timeout: 30 }), failsWith(Code.DeadlineExceeded));
		await until(async () => (await s.call(lab.canceled, undefined)) === 1);
	}));
	it('carry metadata both ways', withSession(async (s) => {
		let answered = {};
		assert.equal(await s.call(lab.meta, { key: 'trace' }, { metadata: metadata({ trace: 'abc', other: 'ž' }, (m) => (answered = m)) }), 'abc');
		assert.deepEqual(answered, { trace: 'abc' });
		assert.throws(() => metadata({ 'Not A Key': '' }), failsWith(Code.BadRequest));
	}));
	it('one-way messages arrive in order', withSession(async (s) => {
		const texts = Array.from({ length: 600 }, (_, i) => `note ${i}`);
		for (const text of texts) void s.send(lab.note, { text });
		await s.send(lab.note, { text: 'x'.repeat(40_000) });
		await until(async () => (await s.call(lab.notes, undefined)).length === 601);
		assert.deepEqual((await s.call(lab.notes, undefined)).slice(0, 600), texts);
	}));
});

describe('streams', within, () => {
	it('of values down', withSession(async (s) => {
		assert.deepEqual(await gather(s.values(lab.count, { n: 5000 })), [...Array(5000).keys()]);
		assert.deepEqual(await gather(s.values(untyped('lab.Count'), { n: 3 })), [0, 1, 2]);
	}));
	it('of values down that fail', withSession(async (s) => {
		const got: number[] = [];
		await assert.rejects(async () => {
			for await (const n of s.values(lab.countAndFail, { n: 100 })) got.push(n);
		}, failsWith(Code.NotFound, 'number 100'));
		assert.equal(got.length, 100);
	}));
	it('of values down that are left early', withSession(async (s) => {
		for await (const n of s.values(lab.count, { n: 4_000_000_000 })) if (n === 2000) break;
		const it = s.values(lab.count, { n: 4_000_000_000 });
		await it.next();
		await it.return?.();
		assert.deepEqual(await it.next(), { value: undefined, done: true });
		assert.equal((await s.call(lab.divide, { a: 4n, b: 2n })).quotient, 2n);
	}));
	it('of values down that are left when all of them are here', withSession(async (s) => {
		// More than a server may begin at once: each is given back.
		for (let i = 0; i < 120; i++) {
			for await (const n of s.values(lab.count, { n: 10_000 })) {
				if (n > 0) break;
				for (let k = 0; k < 4; k++) await s.call(lab.divide, { a: 4n, b: 2n });
			}
		}
		assert.equal((await gather(s.values(lab.count, { n: 3 }, { timeout: 5000 }))).length, 3);
	}));
	it('of values down that a signal ends', withSession(async (s) => {
		const controller = new AbortController();
		await assert.rejects(async () => {
			for await (const n of s.values(lab.count, { n: 4_000_000_000 }, { signal: controller.signal })) if (n === 100) controller.abort();
		}, failsWith(Code.Canceled));
	}));
	it('of values up', withSession(async (s) => {
		assert.equal(await s.call(lab.sum, undefined, { source: values(uint32, numbers(5000)) }), 12497500n);
		assert.equal(await s.call(lab.sum, undefined, { source: values(uint32, []) }), 0n);
		assert.equal(await s.call(lab.sum, undefined), 0n, 'no source is an empty one');
		assert.equal(await s.call(lab.first, undefined, { source: values(uint32, numbers(Infinity)) }), 0);
	}));
	it('of values up whose source fails', withSession(async (s) => {
		const broken = async function* (): AsyncGenerator<number> {
			yield 1;
			throw new TwinwireError(Code.FailedPrecondition, 'no more');
		};
		await assert.rejects(s.call(lab.sum, undefined, { source: values(uint32, broken()) }), failsWith(Code.FailedPrecondition, 'no more'));
	}));
	it('of values up whose source is idle', withSession(async (s) => {
		const idle = async function* (): AsyncGenerator<number> {
			yield 1;
			await new Promise(() => {});
		};
		await assert.rejects(s.call(lab.sum, undefined, { source: values(uint32, idle()), timeout: 200 }), failsWith(Code.DeadlineExceeded));
		await assert.rejects(gather(s.values(lab.sums, undefined, { source: values(uint32, idle()), timeout: 200 })), failsWith(Code.DeadlineExceeded));
		assert.equal(await s.call(lab.first, undefined, { source: values(uint32, idle()), timeout: Infinity }), 1);
	}));
	it('of values both ways', withSession(async (s) => {
		const sums = await gather(s.values(lab.sums, undefined, { source: values(uint32, numbers(3000)) }));
		assert.deepEqual([sums.length, sums[2999]], [3000, 4498500n]);
		const slow = s.values(lab.sums, undefined, { source: values(uint32, numbers(Infinity)) });
		for await (const n of slow) if (n > 1000n) break;
	}));
	it('of bytes up, down and both ways', withSession(async (s) => {
		const body = Buffer.alloc(3_000_001, 'abcdefg');
		const sum = createHash('sha256').update(body).digest();
		const receipt = await s.call(lab.put, { name: 'blob' }, { source: bytes(new Blob([body])) });
		assert.deepEqual([receipt.Name, receipt.Size, Buffer.from(receipt.Sum)], ['blob', 3000001n, sum]);
		assert.equal((await all(s.body(lab.get, { n: 2_000_000 }))).length, 2_000_000);
		const upper = await all(s.body(lab.upper, undefined, { source: bytes(new Blob([body]).stream() as ReadableStream<Uint8Array>) }));
		assert.equal(upper.toString('latin1'), body.toString('latin1').toUpperCase());
		assert.equal((await all(s.body(lab.get, { n: 0 }))).length, 0);
	}));
	it('of bytes that nobody reads do not stop calls', withSession(async (s) => {
		const reader = s.body(lab.get, { n: 50_000_000 }).getReader();
		await reader.read();
		assert.equal((await s.call(lab.divide, { a: 4n, b: 2n })).quotient, 2n);
		await reader.cancel();
	}));
});

describe('events', within, () => {
	it('arrive in order, and before the reply of their cause', withSession(async (s) => {
		await s.call(lab.join, { topic: 'room' });
		assert.ok(s.topics.has('room'));
		const got: number[] = [];
		const stop = onEvent(s, (d) => d.kind === 'event' && got.push(d.decode(Said).Number), { family: 'lab', topic: 'room' });
		await s.call(lab.emit, { topic: 'room', from: 0, to: 100 });
		assert.deepEqual(got, [...Array(100).keys()]);
		stop();
		await s.call(lab.emit, { topic: 'room', from: 0, to: 1 });
		assert.equal(got.length, 100);
	}));
	it('are iterated over, with the begin and the end of subscriptions', withSession(async (s) => {
		const it = s.events();
		await s.call(lab.join, { topic: 'a' });
		await s.call(lab.emit, { topic: 'a', from: 7, to: 8 });
		await s.call(lab.leave, { topic: 'a' });
		const seen: string[] = [];
		for await (const d of it) {
			seen.push(`${d.kind} ${d.topic} ${d.type}`);
			if (d.kind === 'event') assert.deepEqual(d.decode(value), { Number: 7 });
			if (d.kind === 'unsubscribed') break;
		}
		assert.deepEqual(seen, ['subscribed a ', 'event a lab.Said', 'unsubscribed a ']);
	}));
	it('that a slow loop missed are counted', withSession(async (s) => {
		const it = s.events({ family: 'lab', topic: 't', buffer: 5000 });
		await s.call(lab.join, { topic: 't' });
		await s.call(lab.emit, { topic: 't', from: 0, to: 1000 });
		await s.call(lab.leave, { topic: 't' });
		let total = 0;
		for await (const d of it) {
			total += d.missed + (d.kind === 'event' ? 1 : 0);
			if (d.kind === 'unsubscribed') break;
		}
		assert.equal(total, 1000);
	}));
	it('end with the session, and with a signal', withSession(async (s) => {
		const controller = new AbortController();
		const aborted = gather(s.events({ signal: controller.signal }));
		controller.abort();
		assert.deepEqual(await aborted, []);
		const ended = gather(s.events());
		await s.close();
		await ended;
	}));
});

describe('state', within, () => {
	const start = {
		Title: 'start', Count: 1, Players: new Map([['ann', { X: 1, Y: 0, Tags: ['red'] }], ['bob', { X: 0, Y: 2, Tags: [] }]]), Scores: new Map([[-1, 5n], [7, 1n << 60n]]),
		Log: ['a', 'b', 'c', 'd'], Board: [{ X: 1, Y: 0, Tags: [] }, { X: 2, Y: 0, Tags: [] }, { X: 3, Y: 0, Tags: [] }], Grid: Uint8Array.of(1, 2, 3), Blob: new TextEncoder().encode('blob'.repeat(50)),
		Best: null, Seen: new Timestamp(1700000000, 123456789),
	};
	it('follows every kind of change, and shares what has not changed', withSession(async (s) => {
		const view = s.state('lab', State);
		let changes = 0;
		view.subscribe(() => changes++);
		await ready(view);
		const play = async (step: number) => {
			await s.call(lab.play, { step });
			return view.get() ?? assert.fail('no state after the call');
		};
		const first = await play(0);
		assert.deepEqual(first, start);
		let v = await play(1);
		assert.deepEqual([v.Title, v.Count, first.Title], ['second', 2, 'start']);
		assert.equal(v.Players, first.Players, 'what has not changed is the same');
		v = await play(2);
		assert.deepEqual(v.Players.get('cleo'), { X: 9, Y: 9, Tags: [] });
		assert.equal(v.Players.get('ann'), first.Players.get('ann'));
		v = await play(3);
		assert.equal(v.Players.get('ann')?.Y, 77);
		v = await play(4);
		assert.deepEqual([...v.Players.keys()].sort(), ['ann', 'cleo']);
		assert.deepEqual(v.Players.get('ann')?.Tags, ['blue', 'red']);
		v = await play(5);
		assert.deepEqual([...v.Scores].sort(), [[7, 1n << 60n], [-9, -1n], [100, 3n]].sort());
		v = await play(6);
		assert.deepEqual(v.Log, ['a', 'b', 'c', 'd', 'e']);
		v = await play(7);
		assert.deepEqual(v.Log, ['c', 'd', 'e']);
		v = await play(8);
		assert.deepEqual(v.Log, ['c', 'changed', 'e', 'f', 'g']);
		v = await play(9);
		assert.deepEqual(v.Board.map((p) => [p.X, p.Tags]), [[1, []], [55, []], [3, ['x', 'y']]]);
		v = await play(10);
		assert.deepEqual(v.Board.map((p) => p.X), [1, 3]);
		v = await play(11);
		assert.deepEqual(v.Grid, Uint8Array.of(1, 20, 3));
		v = await play(12);
		v = await play(13);
		assert.equal(Buffer.from(v.Blob).toString(), `${'blob'.repeat(10)}CHANGED${'blob'.repeat(50).slice(47)}more`);
		v = await play(14);
		assert.deepEqual(v.Best, { X: 4, Y: 0, Tags: [] });
		v = await play(15);
		assert.deepEqual(v.Best, { X: 4, Y: 5, Tags: [] });
		v = await play(16);
		assert.deepEqual([v.Best, v.Seen], [null, new Timestamp(1700000000, 123456790)]);
		v = await play(17);
		assert.deepEqual([v.Log, v.Players.size], [[], 0]);
		assert.ok(changes >= 18, `${changes} changes`);
		assert.equal(view.get(), view.get());
		assert.deepEqual(first, start, 'what was seen does not change');
	}));
	it('is iterated over', withSession(async (s) => {
		const view = s.state('lab', State);
		const counts: number[] = [];
		for await (const v of changes(view)) {
			counts.push(v.Count);
			if (counts.length === 1) void s.call(lab.play, { step: 1 });
			if (v.Count === 2) break;
		}
		assert.equal(counts.at(-1), 2);
		const rest = gather(changes(view));
		await s.close();
		await rest;
		assert.equal(view.error?.code, Code.Canceled);
	}));
	it('has what arrived before the view was made', withSession(async (s) => {
		await s.call(lab.play, { step: 0 });
		await s.call(lab.play, { step: 1 });
		assert.equal(s.state('lab', State).get()?.Title, 'second');
		assert.equal(s.state('lab', State), s.state('lab', State));
	}));
});

describe('the server calls', within, () => {
	const ticks: number[] = [];
	const handlers = {
		...visitor,
		'page.Tick': handler({ args: struct({ n: uint32 }) }, async ({ n }) => {
			await new Promise((resolve) => setTimeout(resolve, n % 2));
			ticks.push(n);
		}),
	};
	it('every method of the client', withSession(async (s) => {
		assert.deepEqual(await s.call(lab.tour, { name: 'Ada' }), ['Hello, Ada!', 'A', 'd', 'a', 'ADA', '60000', '499500', 'deadline exceeded']);
		await until(() => ticks.length === 100);
		assert.deepEqual(ticks, [...Array(100).keys()]);
		await assert.rejects(s.call(lab.unknown, undefined), failsWith(Code.NotImplemented));
	}, { handlers }));
	it('and is told no more than the code of a failure', withSession(async (s) => {
		await assert.rejects(s.call(lab.tour, { name: '' }), failsWith(Code.NotImplemented));
	}));
	it('handlers that fail without a code', async () => {
		const failed: unknown[] = [];
		const greet = { 'page.Greet': handler(() => assert.fail('secret')) };
		await using s = await dial(sockets(), { handlers: greet, onError: (err) => failed.push(err) });
		await assert.rejects(s.call(lab.tour, { name: '' }), failsWith(Code.Internal));
		assert.equal(failed.length, 1);
	});
});

describe('sessions', within, () => {
	it('survive cuts: a thousand events without loss, calls run once', withSession(async (s, wires) => {
		const phases: string[] = [];
		s.onChange((c) => phases.push(c.phase));
		await s.call(lab.join, { topic: 'cuts' });
		const got: number[] = [];
		let missed = 0;
		onEvent(s, (d) => {
			missed += d.missed;
			if (d.kind === 'event') got.push(d.decode(Said).Number);
		}, { topic: 'cuts' });
		const calls: Promise<void>[] = [];
		for (let i = 0; i < 100; i++) {
			calls.push(s.call(lab.emit, { topic: 'cuts', from: i * 10, to: i * 10 + 10 }));
			await calls.at(-1);
			void s.send(lab.note, { text: String(i) });
			if (i % 10 === 5) wires.cut();
		}
		const sums = s.values(lab.sums, undefined, { source: values(uint32, numbers(20_000)) });
		let last = 0n;
		let n = 0;
		for await (const sum of sums) {
			last = sum;
			if (++n % 6000 === 0) wires.cut();
		}
		assert.deepEqual([n, last], [20_000, 199990000n]);
		await until(() => got.length >= 1000);
		assert.deepEqual(got, [...Array(1000).keys()]);
		assert.equal(missed, 0);
		await until(async () => (await s.call(lab.notes, undefined)).length === 100);
		assert.deepEqual(await s.call(lab.notes, undefined), [...Array(100).keys()].map(String));
		assert.ok(phases.filter((p) => p === 'resumed').length >= 10, phases.join());
		assert.equal(s.error, undefined);
	}));
	it('survive cuts in the middle of large messages and bytes', withSession(async (s, wires) => {
		const value = { ...Everything.zero(), Bytes: new Uint8Array(2_000_000).map((_, i) => i * 13) };
		const calls = [1, 2, 3].map((Small) => s.call(lab.echo, { value: { ...value, Small } }));
		await new Promise((resolve) => setImmediate(resolve));
		wires.cut();
		for (const [i, r] of (await Promise.all(calls)).entries()) assert.deepEqual([r.Small, Buffer.compare(r.Bytes, value.Bytes)], [i + 1, 0]);
		let size = 0;
		for await (const b of s.body(lab.get, { n: 8_000_000 }) as unknown as AsyncIterable<Uint8Array>) {
			b.forEach((v, i) => v === ((size + i) & 255) || assert.fail(`byte ${size + i}`));
			if (size < 3_000_000 && size + b.length >= 3_000_000) wires.cut();
			size += b.length;
		}
		assert.equal(size, 8_000_000);
	}));
	it('have calls wait while there is no carrier', withSession(async (s, wires) => {
		wires.down = true;
		wires.cut();
		for await (const c of lifecycle(s)) if (c.phase === 'detached') break;
		const call = s.call(lab.divide, { a: 6n, b: 3n });
		await assert.rejects(s.call(lab.divide, { a: 6n, b: 3n }, { timeout: 20 }), failsWith(Code.DeadlineExceeded));
		wires.down = false;
		assert.equal((await call).quotient, 2n);
		assert.equal(s.change.phase, 'resumed');
	}, { reconnect: { most: 20 } }));
	it('end when their server is not found again', withSession(async (s, wires) => {
		wires.down = true;
		const call = s.call(lab.sleep, { time: 60_000 });
		await s.call(lab.canceled, undefined);
		wires.cut();
		await assert.rejects(call, failsWith(Code.OutcomeUnknown));
		assert.equal((await s.closed).code, Code.Unavailable);
		assert.equal((await gather(lifecycle(s))).at(-1)?.phase, 'ended');
		await assert.rejects(s.call(lab.canceled, undefined), failsWith(Code.Unavailable));
	}, { reconnect: { most: 5 }, resumeTime: 200 }));
	it('end with their carrier if they shall', withSession(async (s, wires) => {
		wires.cut();
		assert.equal((await s.closed).code, Code.Unavailable);
	}, { resumeTime: 0 }));
	it('end, and are told so, when their server has been restarted', async () => {
		const wires = sockets();
		let own = await start();
		const { plain } = own;
		const s = await connect(`ws://${plain}`, { WebSocket: wires.WebSocket, reconnect: { most: 30 } });
		await s.call(lab.note, { text: 'before' });
		const call = s.call(lab.sleep, { time: 60_000 });
		call.catch(() => {});
		await s.call(lab.canceled, undefined);
		wires.cut();
		wires.down = true;
		await own[Symbol.asyncDispose]();
		own = await start('-plain', plain);
		wires.down = false;
		const why = await s.closed;
		assert.equal(why.code, Code.NotFound);
		await assert.rejects(call, failsWith(Code.OutcomeUnknown));
		await using again = await connect(`ws://${plain}`, { WebSocket: wires.WebSocket });
		assert.deepEqual(await again.call(lab.notes, undefined), []);
		await own[Symbol.asyncDispose]();
	});
	it('are closed by their server, with a reason', async () => {
		const own = await start();
		const s = await connect(`ws://${own.plain}`, { WebSocket: sockets().WebSocket });
		await own[Symbol.asyncDispose]();
		const why = await s.closed;
		assert.equal(why.code, Code.Unavailable);
	});
	it('are closed by their client: what was sent arrives', async () => {
		const wires = sockets();
		const s = await dial(wires);
		for (let i = 0; i < 50; i++) void s.send(lab.note, { text: String(i) });
		const notes = s.call(lab.notes, undefined);
		await s.close();
		assert.equal(s.error?.code, Code.Canceled);
		await notes.catch(failsWith(Code.OutcomeUnknown));
		await assert.rejects(s.call(lab.notes, undefined), failsWith(Code.Unavailable));
	});
	it('notice a peer that went silent', async () => {
		const own = await start('-heartbeat', '50ms');
		const wires = sockets();
		const s = await connect(`ws://${own.plain}`, { WebSocket: wires.WebSocket });
		const before = s.link.carrier;
		const { receiver } = before ?? assert.fail('no carrier');
		if (before) before.receiver = { ...receiver, frames: () => {} };
		for await (const c of lifecycle(s)) if (c.phase === 'resumed') break;
		await s.call(lab.canceled, undefined);
		await s.close();
		await own[Symbol.asyncDispose]();
	});
	it('over TLS, and are refused with advice', async () => {
		const wires = sockets(server.certificate);
		await using s = await connect(`wss://${server.tls}`, { WebSocket: wires.WebSocket });
		assert.equal(s.change.wire, 'websocket');
		assert.equal((await s.call(lab.divide, { a: 6n, b: 3n })).quotient, 2n);
		await assert.rejects(connect(`wss://${server.tls}`, { WebSocket: sockets().WebSocket }), failsWith(Code.Unavailable));
		await assert.rejects(dial(sockets(), { app: 'another' }), (err) => failsWith(Code.VersionMismatch)(err) && (err as TwinwireError).never);
		await assert.rejects(connect('ws://example.com'), failsWith(Code.BadRequest));
		const controller = new AbortController();
		controller.abort();
		await assert.rejects(dial(sockets(), { signal: controller.signal }), failsWith(Code.Canceled));
	});
	it('take a method by name and types', withSession(async (s) => {
		assert.equal((await s.call(method('lab.Divide', struct({ a: uint32, b: uint32 }), struct({ quotient: uint32 })), { a: 9, b: 3 })).quotient, 3);
	}));
});
