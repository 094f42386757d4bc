// Topics of a page of which only the newest event counts (clauses 7.6 to 7.9).
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { uint32 } from '../src/codec/index.js';
import { datagrams, newest } from '../src/events/newest.js';
import { parseFrame } from '../src/frame/frame.js';
import { F1, F3 } from '../src/frame/layout.js';
import { text } from '../src/frame/varint.js';
import { Code, connect, lifecycle, type Session, type TwinwireError } from '../src/index.js';
import type { Carrier, Wire } from '../src/wires/carrier.js';
import { type FakeConnection, fakeWire, Frame, Kind, welcome } from './fake.js';

/** A session whose carriers have datagrams of a size, each of which is lost, and told of. */
async function begin(size: number, features: string[] = ['latest']): Promise<{ s: Session; connections: FakeConnection[]; lost: Frame[] }> {
	const connections: FakeConnection[] = [];
	const lost: Frame[] = [];
	const inner = fakeWire(async (c, dial) => {
		connections.push(c);
		await c.next(Kind.Hello);
		c.send(welcome({ features: features as never, gen: dial, nexts: dial > 1 ? [0, 0, 0, 0, 0] : undefined }));
	});
	const write = (b: Uint8Array): void => {
		for (let at = 0, f: Frame; at < b.length; lost.push(f)) [f, at] = parseFrame(b, at);
	};
	const wire: Wire = {
		name: 'memory',
		dial: async (...to) => Object.assign((await inner.dial(...to)) as Carrier, size ? { datagrams: { maxDatagramSize: size, readable: new ReadableStream(), writable: new WritableStream({ write }) } } : {}),
	};
	return { s: await connect('test', { wires: [wire], datagrams }), connections, lost };
}

const said = ({ id, flags, version, payload }: Frame): number[] => [id, flags, version, payload[0] ?? -1];
const only = (connections: FakeConnection[], n = 0): FakeConnection => connections[n] ?? assert.fail('there is no such carrier');

describe('newest', () => {
	it('7.8, 7.9: goes by datagram once the lane has told of the topic, and is repaired when it becomes quiet', async () => {
		const { s, connections, lost } = await begin(1000);
		const c = only(connections);
		const pointer = newest(s, 'p');
		const topic = await c.next(Kind.Topic);
		assert.deepEqual([topic.lane, topic.seq, topic.id, topic.flags, text(topic.name)], [2, 0, 1, F1, 'p']);
		pointer.emit('a.At', uint32, 1);
		assert.deepEqual(said(await c.next(Kind.Event)), [1, F3, 1, 1]);
		const start = performance.now();
		for (let n = 2; n <= 6; n++) pointer.emit('a.At', uint32, n);
		const repair = await c.next(Kind.Event);
		assert.deepEqual(said(repair), [1, F3, 6, 6]);
		assert.ok(performance.now() - start >= 45, 'it was repaired at once');
		// Those of one task are one datagram, of the newest.
		assert.deepEqual(lost.map(said), [[1, 0, 6, 6]]);
		assert.deepEqual([lost[0]?.lane, text(lost[0]?.name ?? new Uint8Array())], [2, 'a.At']);
		pointer.emit('a.At', uint32, 7);
		pointer.end();
		assert.deepEqual(said(await c.next(Kind.Event)), [1, F3, 7, 7]);
		assert.deepEqual([(await c.next(Kind.Topic)).flags, lost.length], [0, 1]);
		assert.throws(() => pointer.emit('a.At', uint32, 8), (err: TwinwireError) => err.code === Code.Unavailable);
		c.carrier.close(Code.Unavailable, '');
	});
	it('7.8: goes by the lane where it does not fit, or there are no datagrams', async () => {
		for (const size of [0, 12]) {
			const { s, connections, lost } = await begin(size);
			const c = only(connections);
			const pointer = newest(s, 'p');
			for (let n = 1; n <= 3; n++) {
				pointer.emit('a.long.name.At', uint32, n);
				assert.deepEqual(said(await c.next(Kind.Event)), [1, F3, n, n]);
			}
			assert.equal(lost.length, 0);
			c.carrier.close(Code.Unavailable, '');
		}
	});
	it('7.6: has no versions without the feature', async () => {
		const { s, connections, lost } = await begin(1000, []);
		const c = only(connections);
		const pointer = newest(s, 'p');
		for (let n = 1; n <= 3; n++) {
			pointer.emit('a.At', uint32, n);
			assert.deepEqual(said(await c.next(Kind.Event)), [1, 0, 0, n]);
		}
		assert.equal(lost.length, 0);
		c.carrier.close(Code.Unavailable, '');
	});
	it('7.9, 14.4: what went by a datagram of a carrier that broke arrives over the next one', async () => {
		const { s, connections } = await begin(1000);
		const c = only(connections);
		const pointer = newest(s, 'p');
		pointer.emit('a.At', uint32, 1);
		await c.next(Kind.Event);
		pointer.emit('a.At', uint32, 2);
		pointer.emit('a.At', uint32, 3);
		c.carrier.cut();
		pointer.emit('a.At', uint32, 4);
		for await (const change of lifecycle(s)) if (change.phase === 'resumed') break;
		const next = only(connections, 1);
		// Nothing was acknowledged: topic and first event come again, and then the newest, once.
		await next.until(() => next.got.filter((g) => g.frame.kind === Kind.Event).length === 2);
		assert.deepEqual(next.got.filter((g) => g.frame.kind === Kind.Event).map((g) => [...said(g.frame), g.frame.seq]), [[1, F3, 1, 1, 1], [1, F3, 4, 4, 2]]);
		next.carrier.close(Code.Unavailable, '');
	});
	it('6.2, 7.1: refuses what cannot be sent', async () => {
		const { s, connections } = await begin(1000);
		const fails = (f: () => unknown, code: number): void => assert.throws(f, (err: TwinwireError) => err.code === code);
		fails(() => newest(s, 'x'.repeat(256)), Code.TooLarge);
		const pointer = newest(s, 'p');
		fails(() => pointer.emit('no name', uint32, 1), Code.BadRequest);
		only(connections).carrier.close(Code.Unavailable, '');
		await s.closed;
		fails(() => pointer.emit('a.At', uint32, 1), Code.Unavailable);
	});
});
