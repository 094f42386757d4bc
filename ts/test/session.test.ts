// The session by the clauses of docs/protocol.md, against a server that says
// what no proper one would.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { afterEach, describe, it } from 'node:test';
import { CodecError, encode, string, struct, uint32 } from '../src/codec/index.js';
import { decode, value } from '../src/codec/types.js';
import { Code, type ConnectOptions, connect as dial, credentials, lifecycle, metadata, method, onEvent, secret, type Session, token, TwinwireError, untyped, values } from '../src/index.js';
import { datagrams } from '../src/events/newest.js';
import { encodeFrame } from '../src/frame/frame.js';
import { F1, F2, F3, F4 } from '../src/frame/layout.js';
import type { Carrier, Target } from '../src/wires/carrier.js';
import { type FakeConnection, fakeWire, Frame, Kind, session as sessionId, welcome } from './fake.js';

const failsWith = (code: number, message?: string) => (err: unknown): boolean => {
	assert.ok(err instanceof TwinwireError, String(err));
	assert.equal(err.code, code, err.message);
	if (message !== undefined) assert.equal(err.message, message);
	return true;
};

/** What a test has begun ends with it. */
const begun: Session[] = [];
afterEach(() => {
	for (const s of begun.splice(0)) s.link.end(new TwinwireError(Code.Canceled));
});

async function connect(address: string, options: ConnectOptions): Promise<Session> {
	const s = await dial(address, options);
	begun.push(s);
	return s;
}

/** Connects to a server of the test's, and waits until it has the ATTACH. */
async function begin(fields: Parameters<typeof welcome>[0] = {}, options: ConnectOptions = {}): Promise<{ s: Session; c: FakeConnection; hello: Frame }> {
	let c: FakeConnection | undefined;
	let hello: Frame | undefined;
	const wire = fakeWire(async (conn, dial) => {
		if (dial > 1) return conn.carrier.close(Code.Unavailable, '');
		c = conn;
		hello = await conn.next(Kind.Hello);
		conn.send(welcome(fields));
	});
	const s = await connect('test', { wires: [wire], ...options });
	assert.ok(c && hello);
	const attach = await c.next(Kind.Attach);
	assert.deepEqual([attach.flags, attach.lane, attach.id], [F1, 0, 1]);
	return { s, c, hello };
}

const text = new TextEncoder();
const reply = (seq: number, id: number, fields: Partial<Frame> = {}): Frame => new Frame(Kind.Reply, { lane: 1, seq, id, ...fields });
const topic = (seq: number, id: number, name: string): Frame => new Frame(Kind.Topic, { lane: 2, seq, id, flags: F1, name: text.encode(name) });
const event = (seq: number, id: number, fields: Partial<Frame> = {}): Frame => new Frame(Kind.Event, { lane: 2, seq, id, ref: 3, name: text.encode('a.B'), ...fields });

describe('handshake', () => {
	it('3.3: says what the client can', async () => {
		const { s, hello } = await begin({}, { app: 'app', version: '2', client: 'me', connect: encode(value, { room: 1 }) });
		const h = decode(value, hello.payload) as { [key: string]: unknown };
		assert.deepEqual([h['v'], h['app'], h['appv'], h['client'], h['lanes'], h['keep']], [1, 'app', '2', 'me', 5, 120_000]);
		assert.deepEqual(decode(value, h['connect'] as Uint8Array), { room: 1 });
		assert.equal((h['attempt'] as Uint8Array).length, 16);
		assert.equal(s.id, '07'.repeat(16));
	});
	it('3.7: refusals carry their advice', async () => {
		const wire = fakeWire(async (c) => {
			await c.next(Kind.Hello);
			c.send(new Frame(Kind.Refuse, { flags: F1 | F2, code: Code.Unavailable, millis: 1500, name: text.encode('busy') }));
		});
		await assert.rejects(connect('test', { wires: [wire] }), (err) => {
			failsWith(Code.Unavailable, 'busy')(err);
			const { retryAfter, never, authenticate } = err as TwinwireError;
			assert.deepEqual([retryAfter, never, authenticate], [1500, true, false]);
			return true;
		});
	});
	it('15.3, 15.4: answers challenges, and asks once more for credentials', async () => {
		const seen: string[] = [];
		const wire = fakeWire(async (c) => {
			const h = decode(value, (await c.next(Kind.Hello)).payload) as { [key: string]: unknown };
			seen.push(`${String(h['auth'])} ${Buffer.from(h['cred'] as Uint8Array)}`);
			c.send(new Frame(Kind.Challenge, { payload: Uint8Array.of(1, 2) }));
			const proof = await c.next(Kind.Proof);
			if (seen.length === 1) c.send(new Frame(Kind.Refuse, { flags: F3, code: Code.Expired, name: text.encode('too old') }));
			else {
				assert.deepEqual(proof.payload, Uint8Array.of(2, 1));
				c.send(welcome());
			}
		});
		await connect('test', {
			wires: [wire],
			authenticate: (again) => credentials('secret', again ? 'new' : 'old', (challenge) => challenge.slice().reverse()),
		});
		assert.deepEqual(seen, ['secret old', 'secret new']);
	});
	it('15.3: the proof of a secret', async () => {
		const { prove } = secret('ann', new Uint8Array(32).fill(3));
		const want = createHmac('sha256', Buffer.alloc(32, 3)).update('twinwire proof 1').update(Buffer.alloc(16, 7)).update(Buffer.from('challenge')).update('ann').digest();
		assert.deepEqual(Buffer.from((await prove?.(Buffer.from('challenge'), sessionId)) ?? []), want);
	});
	it('15.7, 15.8: renews credentials before they expire, and asks once more if they are refused', async () => {
		const asked: boolean[] = [];
		const { s, c } = await begin({ expires: 40 }, { authenticate: (again) => (asked.push(again), token(`token ${asked.length}`)) });
		const cred = async (): Promise<string> => Buffer.from((decode(value, (await c.next(Kind.Hello)).payload) as { cred: Uint8Array }).cred).toString();
		assert.equal(await cred(), 'token 2');
		c.send(new Frame(Kind.Refuse, { flags: F3, code: Code.Unauthorized }));
		assert.equal(await cred(), 'token 3');
		c.send(new Frame(Kind.Welcome, { payload: encode(value, { expires: 40 }).slice() }));
		assert.equal(await cred(), 'token 4');
		assert.deepEqual(asked, [false, false, true, false]);
		c.send(new Frame(Kind.Welcome, { payload: encode(value, {}).slice() }));
		c.send(new Frame(Kind.Welcome, { payload: encode(value, {}).slice() }));
		assert.equal((await s.closed).code, Code.ProtocolError, 'an answer to nothing');
	});
	it('refuses a welcome that makes no sense', async () => {
		for (const bad of [{ v: 2 }, { gen: 0 }, { ping: 1 }, { session: new Uint8Array(3) }, { token: undefined }, { large: 5 }, { keep: 0 }]) {
			const wire = fakeWire(async (c) => {
				await c.next(Kind.Hello);
				c.send(welcome(bad));
			});
			await assert.rejects(connect('test', { wires: [wire] }), failsWith(Code.ProtocolError), JSON.stringify(bad));
		}
	});
	it('3.6: races wires, and remembers which one won', async () => {
		const kept = new Map<string, string>();
		const storage = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) };
		const dead = { name: 'webtransport', dial: () => new Promise<never>(() => {}) };
		const wire = fakeWire(async (c) => {
			await c.next(Kind.Hello);
			c.send(welcome({ keep: 0, token: undefined }));
		}, 'websocket');
		const options = { wires: [dead, wire], storage, headStart: 40 };
		let start = performance.now();
		await connect('test:1', options);
		assert.ok(performance.now() - start >= 39, 'the better wire had its head start');
		assert.match(kept.get('twinwire.wire.test:1') ?? '', /^websocket$/);
		start = performance.now();
		await connect('test:1', { ...options, headStart: 60_000 });
		assert.ok(performance.now() - start < 10_000, 'it has none where the other won');
	});
	it('3.6: says the same hello on another wire if a server does not answer', async () => {
		const attempts: Uint8Array[] = [];
		const quiet = fakeWire(async (c) => attempts.push((decode(value, (await c.next(Kind.Hello)).payload) as { attempt: Uint8Array }).attempt), 'webtransport');
		const good = fakeWire(async (c) => {
			attempts.push((decode(value, (await c.next(Kind.Hello)).payload) as { attempt: Uint8Array }).attempt);
			c.send(welcome());
		}, 'websocket');
		const s = await connect('test', { wires: [quiet, good], headStart: 0 });
		assert.equal(s.change.wire, 'websocket');
		assert.deepEqual(attempts[0], attempts[1]);
	});
});

describe('session', () => {
	it('a dial that is given up says so, however many wires there are', async () => {
		const hangs = (name: string) => ({ name, dial: (_: Target, signal: AbortSignal) => new Promise<Carrier>((_, reject) => signal.addEventListener('abort', () => reject(new TwinwireError(Code.Unavailable)))) });
		const given = new AbortController();
		const dialed = dial('test', { wires: [hangs('one'), hangs('two')], headStart: 0, signal: given.signal });
		given.abort();
		await assert.rejects(dialed, failsWith(Code.Canceled));
		await assert.rejects(dial('test', { wires: [hangs('one'), hangs('two')], signal: AbortSignal.abort() }), failsWith(Code.Canceled));
	});
	const add = method('a.Add', struct({ n: uint32 }), uint32);

	it('6.1, 6.2: ids ascend, names are introduced once and remembered as far as the peer lets', async () => {
		const { s, c } = await begin();
		const calls = [s.call(untyped('a.X'), undefined), s.call(untyped('a.X'), undefined), s.call(untyped('a.Y'), undefined), s.call(untyped('a.Z'), undefined)];
		const frames = [await c.next(Kind.Call), await c.next(Kind.Call), await c.next(Kind.Call), await c.next(Kind.Call)];
		assert.deepEqual(frames.map((f) => [f.id, f.seq, f.ref, Buffer.from(f.name).toString()]), [[1, 0, 3, 'a.X'], [2, 1, 2, ''], [3, 2, 5, 'a.Y'], [4, 3, 0, 'a.Z']]);
		c.send(reply(0, 2), reply(1, 1, { payload: Uint8Array.of(5) }), reply(2, 3), reply(3, 4));
		assert.deepEqual(await Promise.all(calls), [5, null, null, null]);
	});
	it('4.1: drops duplicates, and ends with a hole', async () => {
		const { s, c } = await begin();
		const first = s.call(untyped('a.X'), undefined);
		const second = s.call(untyped('a.X'), undefined);
		await c.next(Kind.Call);
		c.send(reply(0, 1, { payload: Uint8Array.of(1) }), reply(0, 1), reply(2, 2));
		assert.equal(await first, 1);
		await assert.rejects(second, failsWith(Code.OutcomeUnknown));
		assert.deepEqual([s.error?.code, s.error?.message], [Code.ProtocolError, 'the peer broke clause 4.1']);
		await c.until(() => c.end !== undefined);
		assert.equal(c.end?.code, Code.ProtocolError);
	});
	it('4.2: acknowledges within 25 ms, and after 32 frames at once', async () => {
		const { c } = await begin();
		c.send(topic(0, 1, 't'));
		const start = performance.now();
		const ack = await c.next(Kind.Ack);
		assert.deepEqual([ack.lane, ack.next], [2, 1]);
		assert.ok(performance.now() - start < 250);
		c.send(...Array.from({ length: 33 }, (_, i) => event(i + 1, 1, i === 0 ? {} : { ref: 2, name: new Uint8Array(0) })));
		assert.equal((await c.next(Kind.Ack)).next, 34);
	});
	it('5.2, 5.4: keeps within the windows of the peer', async () => {
		const { s, c } = await begin();
		const calls = Array.from({ length: 6 }, () => s.call(untyped('a.X'), undefined));
		for (let i = 0; i < 4; i++) await c.next(Kind.Call);
		c.send(reply(0, 1));
		assert.equal((await c.next(Kind.Call)).id, 5);
		for (let id = 2; id <= 5; id++) c.send(reply(id - 1, id));
		assert.equal((await c.next(Kind.Call)).id, 6);
		c.send(reply(5, 6));
		await Promise.all(calls);
		const sent: number[] = [];
		for (let i = 0; i < 4; i++) s.send(untyped('a.M'), i).then(
				() => sent.push(i),
				() => {},
			);
		await c.next(Kind.Message);
		await c.next(Kind.Message);
		c.send(new Frame(Kind.Ping, { id: 5 }));
		await c.next(Kind.Pong);
		assert.deepEqual(sent, [0, 1]);
		c.send(new Frame(Kind.Credit, { id: 0, next: 3 }), new Frame(Kind.Credit, { id: 0, next: 1 }));
		assert.deepEqual((await c.next(Kind.Message)).payload, Uint8Array.of(2));
		c.carrier.send(0, Uint8Array.from([10, Kind.Ping, 0, 0xff, 1, 2, 3, 4, 5, 6, 7]));
		const [pong] = await c.bytes(Kind.Pong);
		assert.deepEqual(pong, Uint8Array.from([10, Kind.Pong, 0, 0xff, 1, 2, 3, 4, 5, 6, 7]), 'the token is repeated as it was');
	});
	it('6.10: a reply waits for the events that it must not overtake', async () => {
		const { s, c } = await begin();
		const order: string[] = [];
		onEvent(s, (d) => order.push(d.kind));
		const call = s.call(untyped('a.X'), undefined).then(() => order.push('reply'));
		await c.next(Kind.Call);
		c.send(reply(0, 1, { flags: F3, next: 2 }));
		c.send(new Frame(Kind.Ping, { id: 1 }));
		await c.next(Kind.Pong);
		assert.deepEqual(order, []);
		c.send(topic(0, 1, 't'), event(1, 1));
		await call;
		assert.deepEqual(order, ['subscribed', 'event', 'reply']);
	});
	it('7.2: tells of what was missed', async () => {
		const { s, c } = await begin();
		c.send(topic(0, 1, 't'), event(1, 1, { flags: F2, next: 7 }), new Frame(Kind.Gap, { lane: 2, seq: 2, id: 1, next: 3 }), event(3, 0, { ref: 2, name: new Uint8Array(0) }));
		const seen: unknown[] = [];
		for await (const d of s.events()) {
			seen.push([d.kind, d.topic, d.type, d.missed]);
			if (seen.length === 4) break;
		}
		assert.deepEqual(seen, [['subscribed', 't', '', 0], ['event', 't', 'a.B', 7], ['missed', 't', '', 3], ['event', '', 'a.B', 0]]);
	});
	it('7.6: asks for datagrams if it reads them, and takes versions without them', async () => {
		const { s, c, hello } = await begin();
		assert.deepEqual((decode(value, hello.payload) as { [key: string]: unknown })['features'], []);
		const seen: number[] = [];
		onEvent(s, (d) => d.kind === 'event' && seen.push(d.payload[0] ?? -1));
		const versioned = (seq: number, version: number): Frame => event(seq, 1, { flags: F3, version, ref: 0, payload: Uint8Array.of(version) });
		c.send(topic(0, 1, 't'), versioned(1, 2), versioned(2, 1), versioned(3, 3));
		await c.next(Kind.Ack);
		assert.deepEqual(seen, [2, 3]);
	});
	it('7.7: delivers nothing older after something newer, from datagrams too', async () => {
		let c: FakeConnection | undefined;
		let hello: Frame | undefined;
		let arriving: ReadableStreamDefaultController<Uint8Array> | undefined;
		const inner = fakeWire(async (conn) => {
			c = conn;
			hello = await conn.next(Kind.Hello);
			conn.send(welcome());
		});
		const readable = new ReadableStream<Uint8Array>({ start: (controller) => void (arriving = controller) });
		const wire = { name: 'memory', dial: async (target: Target, signal: AbortSignal): Promise<Carrier> => Object.assign(await inner.dial(target, signal), { datagrams: { maxDatagramSize: 1000, readable } }) };
		const s = await connect('test', { wires: [wire], datagrams });
		assert.ok(c && hello);
		assert.deepEqual((decode(value, hello.payload) as { [key: string]: unknown })['features'], ['latest']);
		const seen: number[] = [];
		/** What a datagram says is read in a later task than it arrives in. */
		const sendDatagram = async (...frames: Frame[]): Promise<void> => {
			arriving?.enqueue(Buffer.concat(frames.map(encodeFrame)));
			await new Promise(setImmediate);
		};
		onEvent(s, (d) => d.kind === 'event' && seen.push(d.payload[0] ?? -1));
		const latest = (id: number, version: number): Frame => new Frame(Kind.Latest, { lane: 2, id, version, name: text.encode('a.B'), payload: Uint8Array.of(version) });
		const versioned = (seq: number, version: number, ref: number): Frame => event(seq, 1, { flags: F3, version, ref, name: ref === 3 ? text.encode('a.B') : new Uint8Array(0), payload: Uint8Array.of(version) });
		await sendDatagram(latest(1, 1)); // of a topic that is not known yet
		c.send(topic(0, 1, 't'), versioned(1, 2, 3));
		await new Promise(setImmediate);
		await sendDatagram(latest(1, 1), latest(1, 4), latest(1, 3), latest(9, 9));
		c.send(versioned(2, 4, 2), versioned(3, 5, 2));
		await new Promise(setImmediate);
		await sendDatagram(latest(1, 4));
		assert.deepEqual(seen, [2, 4, 5]);
		await sendDatagram(new Frame(Kind.Ping, {}));
		assert.equal((await s.closed).code, Code.ProtocolError);
	});
	it('6.3: reads the metadata of an answer for who wants it, and ends with one that is malformed', async () => {
		const { s, c } = await begin();
		let answered = {};
		const first = s.call(untyped('a.X'), undefined, { metadata: metadata({}, (m) => (answered = m)) });
		await c.next(Kind.Call);
		c.send(reply(0, 1, { flags: F2, meta: Uint8Array.of(1, 97, 1, 98) })); // a: b
		await first;
		assert.deepEqual(answered, { a: 'b' });
		const call = s.call(untyped('a.X'), undefined, { metadata: metadata({}) });
		await c.next(Kind.Call);
		c.send(reply(1, 2, { flags: F2, meta: Uint8Array.of(1, 65, 0) }));
		await assert.rejects(call, failsWith(Code.OutcomeUnknown));
		assert.equal(s.error?.code, Code.ProtocolError);
	});
	it('8.2: agrees to a goodbye when everything before it has arrived', async () => {
		const { s, c } = await begin();
		const call = s.call(untyped('a.X'), undefined);
		await c.next(Kind.Call);
		c.send(new Frame(Kind.Close, { code: Code.Unavailable, flags: F1, millis: 250, name: text.encode('drain'), nexts: [0, 1, 0, 0, 0] }));
		assert.equal(c.end, undefined);
		c.send(reply(0, 1, { payload: Uint8Array.of(9) }));
		assert.equal(await call, 9);
		const why = await s.closed;
		assert.deepEqual([why.code, why.message, why.retryAfter], [Code.Unavailable, 'drain', 250]);
		await c.until(() => c.end !== undefined);
		assert.deepEqual((await c.next(Kind.Ack)).next, 1);
	});
	it('8.2, 8.3: says goodbye behind what is queued, and knows what was not received', async () => {
		const { s, c } = await begin();
		const received = s.call(untyped('a.X'), undefined);
		await c.next(Kind.Call);
		const lost = s.call(untyped('a.Y'), undefined);
		const closed = s.close(Code.Canceled, 'bye');
		const goodbye = await c.next(Kind.Close);
		assert.deepEqual([goodbye.code, Buffer.from(goodbye.name).toString(), goodbye.nexts], [Code.Canceled, 'bye', [0, 2, 0, 0, 0]]);
		c.send(new Frame(Kind.Ack, { lane: 1, next: 1 }), new Frame(Kind.Close, { nexts: [0, 0, 0, 0, 0] }));
		await closed;
		await assert.rejects(received, failsWith(Code.OutcomeUnknown));
		await assert.rejects(lost, failsWith(Code.Unavailable));
	});
	it('12.4, 12.5: streams keep within their windows', async () => {
		const { s, c } = await begin();
		const source = values(string, Array.from({ length: 100 }, () => 'x'.repeat(98)));
		const call = s.call(method('a.S', undefined, uint32), undefined, { source });
		await c.next(Kind.Call);
		let size = 0;
		const take = async (until: number): Promise<Frame> => {
			for (;;) {
				const f = await c.next(Kind.Data);
				assert.deepEqual([f.id, f.slot, f.lane], [1, 0, 4]);
				assert.equal((f.flags & F2) !== 0, size === 0);
				size += f.payload.length;
				if (size >= until) return f;
			}
		};
		assert.equal((await take(1000)).flags & F4, 0);
		assert.equal(size, 1000);
		c.send(new Frame(Kind.Window, { id: 1, slot: 0, next: 5000 }));
		await take(5000);
		c.send(new Frame(Kind.Window, { id: 1, slot: 0, next: 100_000 }), new Frame(Kind.Window, { id: 1, slot: 0, next: 10 }));
		await take(10_200);
		c.send(reply(0, 1, { payload: encode(uint32, 3).slice() }));
		assert.equal(await call, 3);
	});
	it('12.10: who waits for values that cannot be read is told so, and the call is canceled', async () => {
		const { s, c } = await begin();
		const it = s.values(method<void, number>('a.Watch', undefined, uint32), undefined);
		await c.next(Kind.Call);
		const [first, second, third] = [it.next(), it.next(), it.next()];
		c.send(new Frame(Kind.Data, { lane: 4, seq: 0, id: 1, slot: 0, flags: F2 | F3, payload: Uint8Array.of(1, 7, 1, 0xc0) }));
		assert.deepEqual(await first, { value: 7, done: false });
		await assert.rejects(second, CodecError);
		assert.equal((await third).done, true);
		assert.equal((await c.next(Kind.Cancel)).id, 1);
	});
	it('12.4: a call without streams answers who waits for one', async () => {
		const { s, c } = await begin();
		const call = s.call(add, { n: 1 });
		await c.next(Kind.Call);
		c.send(new Frame(Kind.Window, { id: 1, slot: 0, next: 1000 }));
		const data = await c.next(Kind.Data);
		assert.deepEqual([data.flags, data.payload.length], [F2 | F4, 0]);
		c.send(reply(0, 1));
		assert.equal(await call, 0);
	});
	it('12.8: a reply waits for the streams of its callee', async () => {
		const { s, c } = await begin();
		const it = s.values(untyped('a.S'), undefined);
		const first = it.next();
		await c.next(Kind.Call);
		c.send(reply(0, 1, { flags: F4, slot: 1 }));
		c.send(new Frame(Kind.Data, { lane: 4, seq: 0, id: 1, flags: F2 | F3 | F4, payload: Uint8Array.of(1, 5, 1, 6) }));
		assert.deepEqual([await first, await it.next(), await it.next()], [{ value: 5, done: false }, { value: 6, done: false }, { value: undefined, done: true }]);
	});
	it('9.3: ends with what is forbidden, and says so', async () => {
		const forbidden: [string, Frame][] = [
			['6.1', reply(0, 9)],
			['4.3', reply(0, 1, { lane: 3 })],
			['2.1', reply(0, 1, { lane: 6 })],
			['4.2', new Frame(Kind.Ack, { lane: 1, next: 1 })],
			['7.1', event(0, 4)],
			['6.2', event(0, 0, { ref: 4, name: new Uint8Array(0) })],
			['12.1', new Frame(Kind.Data, { lane: 4, id: 3, flags: F2 | F3 })],
			['5.4', new Frame(Kind.Credit, { id: 9 })],
			['3.1', new Frame(Kind.Attach, { id: 1 })],
			['6.9', new Frame(Kind.State, { lane: 1, id: 1 })],
			['16.1', event(0, 0, { packed: true, payload: Uint8Array.of(1) })],
		];
		for (const [clause, frame] of forbidden) {
			const { s, c } = await begin({}, { resumeTime: 0 });
			c.send(frame);
			await c.until(() => c.end !== undefined);
			assert.deepEqual([s.error?.code, s.error?.message, c.end?.code], [Code.ProtocolError, `the peer broke clause ${clause}`, Code.ProtocolError]);
		}
	});
	it('2.2: ignores what may be ignored, and counts it', async () => {
		const { s, c } = await begin();
		const call = s.call(untyped('a.X'), undefined);
		await c.next(Kind.Call);
		c.carrier.send(0, Uint8Array.of(2, 0x80, 0, 3, 0xc0, 1, 0)); // unnumbered; numbered 0 on lane 1
		c.send(reply(1, 1));
		assert.equal(await call, null);
	});
	it('5.5: large calls that nobody serves leave the server its credit', async () => {
		const { s, c } = await begin();
		const first = new Uint8Array(16384);
		for (let n = 1; n <= 4; n++) {
			c.send(new Frame(Kind.Call, { lane: 1, seq: 2 * n - 2, id: n, flags: F1, ref: 0, name: text.encode('a.Unserved'), size: 1 << 20, payload: first }));
			await c.until(() => c.got.filter(({ frame }) => frame.kind === Kind.Reply && frame.code === Code.NotImplemented).length === n);
			c.send(new Frame(Kind.More, { lane: 1, seq: 2 * n - 1, id: n, flags: F1, payload: first })); // was under way
		}
		const credit = await c.next(Kind.Credit);
		assert.deepEqual([credit.id, credit.next], [1, 20 << 20]);
		assert.equal(s.error, undefined);
	});
	it('events that were dropped are told of, whatever else was', async () => {
		const { s, c } = await begin();
		const all = s.events({ buffer: 1 });
		const call = s.call(untyped('a.X'), undefined);
		await c.next(Kind.Call);
		c.send(topic(0, 1, 't'), topic(1, 2, 'u'), event(2, 2), event(3, 0, { ref: 2, name: new Uint8Array(0) }), reply(0, 1, { flags: F3, next: 4 }));
		await call;
		const got = [];
		for (let n = 0; n < 2; n++) {
			const { value } = await all.next();
			got.push([value?.kind, value?.topic, value?.missed]);
		}
		assert.deepEqual(got, [['event', '', 0], ['missed', 'u', 1]]);
	});
	it('any bytes end the session at worst', async () => {
		let seed = 12345;
		const random = (n: number): number => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % n;
		for (let round = 0; round < 300; round++) {
			const { s, c } = await begin({}, { resumeTime: 0 });
			s.state('s', struct({ a: uint32 }));
			const good = [topic(0, 1, 't'), event(1, 1), reply(0, 1), new Frame(Kind.Close, { nexts: [1] }), new Frame(Kind.State, { lane: 1, id: 1, flags: F2 | F3, name: text.encode('s'), payload: Uint8Array.of(0x91, 0x91, 0xa1, 0x61, 0x80) })];
			const call = s.call(untyped('a.X'), undefined).catch(() => {});
			await c.next(Kind.Call);
			for (const f of good) {
				const b = encodeFrame(f);
				if (random(3) > 0) b[random(b.length)] = random(256);
				c.carrier.send(0, b);
			}
			await new Promise((resolve) => setImmediate(resolve));
			s.link.end(new TwinwireError(Code.Canceled));
			await call;
			assert.ok(s.error);
		}
	});
});

describe('going on', () => {
	it('14.2 to 14.4: sends again, unchanged, what was not received, behind the ATTACH', async () => {
		const conns: FakeConnection[] = [];
		const hellos: { [key: string]: unknown }[] = [];
		const wire = fakeWire(async (c, dial) => {
			conns.push(c);
			hellos.push(decode(value, (await c.next(Kind.Hello)).payload) as { [key: string]: unknown });
			if (dial === 2) return c.carrier.cut(); // the second is lost before its answer
			const again = dial > 1;
			c.send(welcome(again ? { gen: 2, token: new Uint8Array(32).fill(2), nexts: [0, 1, 0, 0, 0] } : {}));
		});
		const s = await connect('test', { wires: [wire], reconnect: { first: 1, most: 5 } });
		const calls = [s.call(untyped('a.X'), 1), s.call(untyped('a.X'), 2), s.call(untyped('a.Y'), 3)];
		const first = conns[0] as FakeConnection;
		const sent = [await first.next(Kind.Call), await first.next(Kind.Call), await first.next(Kind.Call)];
		first.send(topic(0, 1, 't'));
		await first.next(Kind.Ack);
		const late = first.carrier;
		late.cut();
		while (conns.length < 3) await new Promise((resolve) => setTimeout(resolve, 1));
		const second = conns[2] as FakeConnection;
		assert.equal((await second.next(Kind.Attach)).id, 2);
		const again = [await second.next(Kind.Call), await second.next(Kind.Call)];
		assert.deepEqual(again.map((f) => ({ ...f })), sent.slice(1).map((f) => ({ ...f })));
		assert.deepEqual([hellos[1]?.['session'], hellos[1]?.['token'], hellos[1]?.['nexts']], [sessionId, new Uint8Array(32).fill(1), [0, 0, 1, 0, 0]]);
		assert.deepEqual(hellos[2]?.['attempt'], hellos[1]?.['attempt'], 'a token has one attempt id');
		assert.notDeepEqual(hellos[1]?.['attempt'], hellos[0]?.['attempt']);
		second.send(topic(0, 1, 't'), reply(0, 1), reply(1, 2), reply(2, 3, { payload: Uint8Array.of(3) }));
		assert.deepEqual(await Promise.all(calls), [null, null, 3]);
		assert.deepEqual([...s.topics], ['t']);
		assert.equal(s.change.phase, 'resumed');
	});
	it('14.3: ends when the server does not know the session', async () => {
		const wire = fakeWire(async (c, dial) => {
			await c.next(Kind.Hello);
			if (dial === 1) {
				c.send(welcome());
				await c.next(Kind.Attach);
				c.carrier.cut();
			} else c.send(new Frame(Kind.Refuse, { code: Code.NotFound, name: text.encode('session is not known') }));
		});
		const s = await connect('test', { wires: [wire] });
		assert.equal((await s.closed).code, Code.NotFound);
	});
	it('moves to the better wire, make before break', async () => {
		const order: string[] = [];
		let better = 0;
		const best = fakeWire(async (c) => {
			await c.next(Kind.Hello);
			if (++better === 1) return c.carrier.close(Code.Unavailable, '');
			c.send(welcome({ gen: 2, nexts: [0, 0, 0, 0, 0], token: new Uint8Array(32).fill(9) }));
			await c.next(Kind.Attach);
			order.push('attached to the better one');
		}, 'webtransport');
		const plain = fakeWire(async (c) => {
			await c.next(Kind.Hello);
			c.send(welcome({ ping: 60_000 }));
			await c.until(() => c.end !== undefined);
			order.push(`left the other: ${c.end?.code}`);
		}, 'websocket');
		const s = await connect('test', { wires: [best, plain], headStart: 0 });
		assert.equal(s.change.wire, 'websocket');
		for await (const c of lifecycle(s)) if (c.phase === 'resumed') break;
		assert.equal(s.change.wire, 'webtransport');
		while (order.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
		assert.deepEqual(order.sort(), ['attached to the better one', `left the other: ${Code.Replaced}`]);
	});
	it('4.4, 4.5: on independent lanes each is bound by an ATTACH of its own', async () => {
		let c: FakeConnection | undefined;
		const wire = fakeWire(async (conn) => {
			c = conn;
			await conn.next(Kind.Hello);
			conn.send(welcome());
		}, 'webtransport', true);
		const s = await connect('test', { wires: [wire] });
		const call = s.call(untyped('a.X'), undefined);
		assert.ok(c);
		await c.next(Kind.Call);
		assert.equal(c.got.length, 0);
		c.send(new Frame(Kind.Open, { lane: 2 }));
		const attach = await c.next(Kind.Attach);
		assert.deepEqual([attach.lane, attach.flags, attach.id], [2, 0, 1]);
		c.sendIn(2, topic(0, 1, 't'));
		c.sendIn(1, reply(0, 1));
		assert.equal(await call, null);
		await new Promise((resolve) => setImmediate(resolve));
		assert.deepEqual([...s.topics], ['t']);
		// A batch costs as much as a call: the ACKs travel in that of the next call, whatever the lane (clauses 2.7, 4.2).
		const kinds: number[][] = [];
		const { frames } = c;
		c.frames = (pipe, b) => {
			const before = c?.got.length;
			frames.call(c, pipe, b);
			kinds.push([pipe, ...(c?.got.slice(before).map((g) => g.frame.kind) ?? [])]);
		};
		const next = s.call(untyped('a.X'), undefined);
		await c.next(Kind.Call);
		assert.deepEqual(kinds, [[1, Kind.Ack, Kind.Ack, Kind.Call]]);
		c.sendIn(1, reply(1, 2));
		assert.equal(await next, null);
	});
});
