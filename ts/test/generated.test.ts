// What twinwire gen -ts writes: the codecs by vectors that Go has made, the
// client and the service against a server.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { connect, method, secret, TwinwireError } from 'twinwire';
import { decode, encode, string } from 'twinwire/codec';
import { fetchFiles, sendFiles } from 'twinwire/files';
import { type EventDelivery, Everything, type Inner, LabClient } from './generated/lab.js';
import { servePage } from './generated/page.js';
import * as shapes from './generated/shapes.js';
import { sockets, start } from './server.js';

const vectors = JSON.parse(readFileSync(new URL('../../test/vectors.json', import.meta.url), 'utf8')) as { [name: string]: string };

describe('generated code', { timeout: 20_000 }, () => {
	for (const [name, hex] of Object.entries(vectors)) {
		it(`encodes as Go does: ${name}`, () => {
			const b = Buffer.from(hex, 'hex');
			assert.equal(Buffer.from(encode(Everything, decode(Everything, b))).toString('hex'), hex);
		});
	}
	it('reads what is made of itself, what is missing and what has an alias', () => {
		const tree = new Map([['a', new Map([['b', new Map()]])]]) as shapes.Tree;
		assert.deepEqual(decode(shapes.Tree, encode(shapes.Tree, tree)), tree);
		assert.deepEqual(decode(shapes.Omits, Uint8Array.of(0x80)), shapes.Omits.zero());
		const old = Uint8Array.of(0x81, 0xa3, ...Buffer.from('old'), 0xa1, 0x78);
		assert.equal(decode(shapes.Omits, old).new, 'x');
		const parent = { ...shapes.Structs.zero(), name: 'parent' };
		const child = { ...parent, name: 'child', Parent: parent, Kids: [parent] };
		assert.deepEqual(decode(shapes.Structs, encode(shapes.Structs, child)), child);
	});
	it('proves a secret with what is shipped', async () => {
		const { prove } = secret('ann', new Uint8Array(32).fill(3));
		const want = createHmac('sha256', Buffer.alloc(32, 3)).update('twinwire proof 1').update(Buffer.alloc(16, 7)).update(Buffer.from('challenge')).update('ann').digest();
		assert.deepEqual(Buffer.from((await prove?.(Buffer.from('challenge'), Buffer.alloc(16, 7))) ?? []), want);
	});
	it('sends and fetches files with what is shipped', async () => {
		await using server = await start();
		await using s = await connect(`ws://${server.plain}`, { WebSocket: sockets().WebSocket });
		const content = new Uint8Array(100_000).map((_, i) => i);
		await sendFiles(s, method('album.Add'), undefined, [{ name: 'a', content, time: new Date(5000) }]);
		const got: unknown[] = [];
		await fetchFiles(s, method('album.Get', string), 'a', async (f) => got.push(f.info.name, f.info.time?.getTime(), Buffer.from(await (await f.blob()).arrayBuffer()).equals(content)));
		assert.deepEqual(got, ['a', 5000, true]);
	});
	it('calls, streams, sees states and events, and serves', async () => {
		await using server = await start();
		const page = servePage({
			greet: (name) => `Hi ${name}`,
			letters: (text) => [...text],
			shout: async (body) => new Blob([Buffer.from(await new Response(body).text()).toString().toUpperCase()]),
			add: async (numbers) => {
				let sum = 0n;
				for await (const n of numbers) sum += BigInt(n);
				return sum;
			},
			wait: (request) => new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(request.signal.reason as Error))),
			tick: () => {},
		});
		await using session = await connect(`ws://${server.plain}`, { WebSocket: sockets().WebSocket, handlers: page });
		const lab = new LabClient(session);
		assert.deepEqual(await lab.divide(7n, 2n), { quotient: 3n, rest: 1n });
		await assert.rejects(lab.divide(1n, 0n), (err) => err instanceof TwinwireError && err.name === 'BadRequest');
		const numbers: number[] = [];
		for await (const n of lab.count(5)) numbers.push(n);
		assert.deepEqual(numbers, [0, 1, 2, 3, 4]);
		assert.equal(await lab.sum(numbers), 10n);
		assert.equal(await new Response(lab.upper(new Blob(['text']))).text(), 'TEXT');
		await lab.note('noted');
		assert.deepEqual(await lab.notes(), ['noted']);
		await lab.play(1);
		assert.equal(lab.state.get()?.Title, 'second');
		assert.deepEqual(await lab.tour('Bo'), ['Hi Bo', 'B', 'o', 'BO', '40000', '499500', 'deadline exceeded']);
		const inner: Inner = { Name: 'x', Count: 1 };
		assert.deepEqual((await lab.echo({ ...Everything.zero(), Next: inner })).Next, inner);

		const events = lab.events({ topic: 't' });
		await lab.join('t');
		await lab.emit('t', 1, 3);
		const got: number[] = [];
		for await (const d of events) {
			got.push(numberOf(d));
			if (got.length === 2) break;
		}
		assert.deepEqual(got, [1, 2]);
	});
});

/** Events are a union that is told apart by its type. */
function numberOf(d: EventDelivery): number {
	switch (d.type) {
		case 'Said': return d.event.Number;
		case 'Told': return d.event.Text.length;
		case 'missed': return -d.missed;
	}
}
