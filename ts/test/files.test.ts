// Files (clause 13), with the Go server.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { bytes as bytesType, encode, string, uint32, value } from '../src/codec/index.js';
import { answerFiles, FileError, FilesError, fetchFiles, isName, type Progress, sendFiles, takeFiles } from '../src/files/index.js';
import { Sha256 } from '../src/files/sha256.js';
import { withLength } from '../src/frame/varint.js';
import { Code, connect, handler, method, type Session, TwinwireError } from '../src/index.js';
import { type Sockets, sockets, start } from './server.js';

const album = {
	add: method('album.Add', undefined, uint32),
	get: method('album.Get', string, uint32),
	lie: method('album.Lie'),
	raw: method('album.Raw', bytesType),
	ignore: method('album.Ignore', undefined, uint32),
	forbid: method('album.Forbid', undefined, uint32),
};

const withSession = (f: (s: Session, wires: Sockets, again: () => Promise<Session>) => Promise<void>) => async (): Promise<void> => {
	await using server = await start();
	const wires = sockets();
	const again = (): Promise<Session> => connect(`ws://${server.plain}`, { WebSocket: wires.WebSocket, reconnect: { first: 1, most: 20 } });
	await using s = await again();
	await f(s, wires, again);
};

const content = async (b: Blob): Promise<Buffer> => Buffer.from(await b.arrayBuffer());
const failsWith = (code: number) => (err: unknown) => {
	assert.ok(err instanceof TwinwireError, String(err));
	assert.equal(err.code, code, err.message);
	return true;
};

async function fetchAll(s: Session, path: string): Promise<Map<string, Buffer>> {
	const got = new Map<string, Buffer>();
	await fetchFiles(s, album.get, path, async (f) => got.set(f.info.name, await content(await f.blob())));
	return got;
}

describe('files', () => {
	it('hash like the platform, in pieces of every size', () => {
		for (const size of [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000]) {
			const b = randomBytes(size);
			const h = new Sha256();
			for (let at = 0; at < size; at += 37) {
				h.update(b.subarray(at, at + 37));
				h.digest(); // changes nothing
			}
			assert.deepEqual(Buffer.from(h.digest()), createHash('sha256').update(b).digest(), String(size));
		}
	});

	it('13.3: names', () => {
		for (const name of ['a', 'a/b.txt', 'é', '.hidden', 'a/.twinwire', 'console', 'com10', 'x'.repeat(255)]) assert.ok(isName(name), name);
		for (const name of ['', '/a', 'a//b', '.', 'a/..', 'a.', 'a ', 'c:x', 'a\\b', 'a\u0000', 'a\u0085', 'CON', 'nul.txt', 'aux .x', 'COM1', 'lpt².a', 'conin$', '.TwinWire/x', 'x'.repeat(256), 'a/'.repeat(600) + 'a', '\ud800']) assert.ok(!isName(name), JSON.stringify(name));
	});

	it('go up and come down, whole', withSession(async (s) => {
		const big = randomBytes(300_000);
		const seen: Progress[] = [];
		const files = [new File([big], 'big.bin', { lastModified: 1_700_000_000_000 }), { name: 'dir/empty', content: new Uint8Array(0) }, { name: 'dir/small', content: new Uint8Array(5), mode: 0o755 }];
		assert.equal(await sendFiles(s, album.add, undefined, files, { progress: (p) => seen.push(p) }), 3);
		assert.deepEqual(seen.filter((p) => p.done === p.size).map((p) => [p.name, p.number, p.files, p.size, p.from]), [['big.bin', 1, 3, 300_000, 0], ['dir/empty', 2, 3, 0, 0], ['dir/small', 3, 3, 5, 0]]);
		const infos: unknown[] = [];
		const got = new Map<string, Buffer>();
		const n = await fetchFiles(s, album.get, '.', async (f) => {
			infos.push([f.info.name, f.info.size, f.info.time?.getTime() === 1_700_000_000_000, (f.info.mode ?? 0) & 0o100]);
			// As a stream this time.
			got.set(f.info.name, Buffer.from(await new Response(f.stream()).arrayBuffer()));
		});
		assert.equal(n, 3);
		assert.deepEqual(infos, [['big.bin', 300_000, true, 0], ['dir/empty', 0, false, 0], ['dir/small', 5, false, 64]]);
		assert.deepEqual([got.get('big.bin')?.equals(big), got.get('dir/empty')?.length, got.get('dir/small')?.length], [true, 0, 5]);
	}));

	it('13.1: come and go where the server calls', async () => {
		await using server = await start();
		const big = randomBytes(300_000);
		const got = new Map<string, Buffer>();
		const handlers = {
			'page.Give': handler(async (_, request) => answerFiles(request, [new File([big], 'big.bin'), { name: 'dir/small', content: new Uint8Array(5) }])),
			'page.Take': handler(async (_, request) => takeFiles(request, async (f) => got.set(f.info.name, await content(await f.blob())))),
		};
		await using s = await connect(`ws://${server.plain}`, { WebSocket: sockets().WebSocket, handlers });
		assert.equal(await s.call(method('album.Ask', undefined, uint32), undefined), 2);
		assert.deepEqual([got.size, got.get('big.bin')?.equals(big), got.get('dir/small')?.length], [2, true, 5]);
		// One that does not take them refuses them all.
		await using other = await connect(`ws://${server.plain}`, {
			WebSocket: sockets().WebSocket,
			handlers: { ...handlers, 'page.Take': handler(async (_, request) => takeFiles(request, () => {}, { maxFileBytes: 10 })) },
		});
		await assert.rejects(other.call(method('album.Ask', undefined, uint32), undefined), failsWith(Code.TooLarge));
	});

	it('go on over another wire', withSession(async (s, wires) => {
		const big = randomBytes(3 << 20);
		let cuts = 0;
		const progress = ({ done }: Progress): void => {
			if (done > (cuts + 1) * (1 << 20)) {
				cuts++;
				wires.cut();
			}
		};
		let resumed = 0;
		s.onChange((c) => c.phase === 'resumed' && resumed++);
		assert.equal(await sendFiles(s, album.add, undefined, [{ name: 'big', content: big }], { progress }), 1);
		const up = cuts;
		cuts = 0;
		let got: Buffer = Buffer.alloc(0);
		await fetchFiles(s, album.get, 'big', async (f) => (got = await content(await f.blob())), { progress });
		assert.ok(got.equals(big));
		assert.ok(up >= 2 && cuts >= 2 && resumed >= 2, `${up} ${cuts} ${resumed}`);
	}));

	it('13.4: an upload that was interrupted goes on in another session, unless the file is another', withSession(async (s, _, again) => {
		const big = randomBytes(2 << 20);
		const interrupted = async (s: Session): Promise<void> => {
			const stop = new AbortController();
			await assert.rejects(sendFiles(s, album.add, undefined, [{ name: 'big', content: big }], { signal: stop.signal, progress: ({ done }) => done > 1 << 20 && stop.abort() }), failsWith(Code.Canceled));
		};
		const uploaded = async (s: Session, content: Uint8Array): Promise<number> => {
			const seen: Progress[] = [];
			assert.equal(await sendFiles(s, album.add, undefined, [{ name: 'big', content }], { progress: (p) => seen.push(p) }), 1);
			assert.equal(seen.at(-1)?.done, content.length);
			return seen[0]?.from ?? -1;
		};
		await interrupted(s);
		await s.close();
		await using second = await again();
		const from = await uploaded(second, big);
		assert.ok(from > 0 && from < big.length, String(from));
		assert.ok((await fetchAll(second, '.')).get('big')?.equals(big));
		await interrupted(second);
		const other = randomBytes(2 << 20);
		assert.equal(await uploaded(second, other), 0);
		assert.ok((await fetchAll(second, '.')).get('big')?.equals(other));
	}));

	it('13.4: a download that was interrupted goes on, unless the file is another', withSession(async (s) => {
		const put = (content: Uint8Array): Promise<number> => sendFiles(s, album.add, undefined, [{ name: 'big', content }]);
		const big = randomBytes(2 << 20);
		await put(big);
		const stop = new AbortController();
		let partial: Blob | undefined;
		const first = fetchFiles(s, album.get, 'big', async (f) => {
			await f.blob().catch((err: unknown) => (partial = err instanceof FileError ? err.partial : undefined));
		}, { signal: stop.signal, progress: ({ done }) => done > 1 << 20 && stop.abort() });
		await assert.rejects(first, failsWith(Code.Canceled));
		assert.ok(partial && partial.size > 1 << 20 && partial.size < big.length);
		const rest = async (): Promise<[number, Buffer]> => {
			let from = -1;
			let got: Buffer = Buffer.alloc(0);
			await fetchFiles(s, album.get, 'big', async (f) => (got = await content(await f.blob(partial))), { progress: (p) => (from = p.from) });
			return [from, got];
		};
		let [from, got] = await rest();
		assert.equal(from, partial.size);
		assert.ok(got.equals(big));
		const other = randomBytes(2 << 20);
		await put(other);
		[from, got] = await rest();
		assert.equal(from, 0);
		assert.ok(got.equals(other));
	}));

	it('one that fails or is not wanted does not keep the others', withSession(async (s) => {
		const got: string[] = [];
		const err = await fetchFiles(s, album.lie, undefined, async (f) => got.push(await (await f.blob()).text())).catch((err: unknown) => err);
		assert.ok(err instanceof FilesError, String(err));
		assert.deepEqual([got, err.code, err.files.map((f) => [f.file, f.code, f.partial])], [['a', 'b'], Code.FailedPrecondition, [['lie', Code.FailedPrecondition, undefined]]]);
		await sendFiles(s, album.add, undefined, ['x', 'y', 'z'].map((name) => ({ name, content: new TextEncoder().encode(name.repeat(100_000)) })));
		let all = '';
		await fetchFiles(s, album.get, '.', async (f) => {
			if (f.info.name === 'x') await f.refuse();
			else if (f.info.name === 'y') for await (const b of f.stream() as unknown as AsyncIterable<Uint8Array>) if (b.length) break; // enough of it
			if (f.info.name === 'z') all = await (await f.blob()).text();
		});
		assert.equal(all, 'z'.repeat(100_000));
		assert.equal(await s.call(album.ignore, undefined), 7);
	}));

	it('a callee that does not take them', withSession(async (s) => {
		const file = { name: 'a', content: new Uint8Array(1 << 20) };
		await assert.rejects(sendFiles(s, album.forbid, undefined, [file]), failsWith(Code.PermissionDenied));
		await assert.rejects(sendFiles(s, album.ignore, undefined, [file]), failsWith(Code.FailedPrecondition));
		await assert.rejects(sendFiles(s, album.add, undefined, [file, file]), failsWith(Code.BadRequest));
		await assert.rejects(sendFiles(s, album.add, undefined, [{ ...file, name: '../a' }]), failsWith(Code.BadRequest));
	}));

	it('13.9: what a sender may not say ends the conversation, and nothing else', withSession(async (s) => {
		const say = (...all: unknown[]): Uint8Array => Buffer.concat(all.map((v) => (v instanceof Uint8Array ? v : withLength(encode(value, v as never)))));
		const a = { name: 'a', size: 1 };
		const cases: [string, Uint8Array, number][] = [
			['nothing', say(), Code.FailedPrecondition],
			['no number', say({ what: 1 }), Code.BadRequest],
			['too few', say({ files: 2 }, a), Code.BadRequest],
			['too many', say({ files: 1001 }), Code.TooLarge],
			['too large', say({ files: 1 }, { name: 'a', size: 101 << 20 }), Code.TooLarge],
			['a name that leads elsewhere', say({ files: 1 }, { name: '../a' }), Code.BadRequest],
			['a name that is there twice', say({ files: 2 }, a, a), Code.BadRequest],
			['a short hash', say({ files: 1 }, { ...a, sum: new Uint8Array(31) }), Code.BadRequest],
			['its own reason', say({ code: 4000, text: 'none\u0007' }), 4000],
			['a value that is too large', Buffer.from('c00000000fffffff', 'hex'), Code.BadRequest],
			['no value', Buffer.from('01c1', 'hex'), Code.BadRequest],
		];
		for (const [what, b, code] of cases) await assert.rejects(fetchFiles(s, album.raw, b, (f) => f.blob()), failsWith(code), what);
		// These begin a content, and do not keep to it.
		const contents: [string, Uint8Array, number][] = [
			['another offset', say({ files: 1 }, a, { at: 1 }), Code.BadRequest],
			['longer than announced', say({ files: 1 }, a, { at: 0 }, Uint8Array.of(0, 2, 1, 2, 0, 0), { size: 2, sum: new Uint8Array(32) }), Code.TooLarge],
			['another hash', say({ files: 1 }, a, { at: 0 }, Uint8Array.of(0, 1, 1, 0, 0), { size: 1, sum: new Uint8Array(32) }), Code.FailedPrecondition],
			['no end', say({ files: 1 }, a, { at: 0 }, Uint8Array.of(0, 1, 1)), Code.BadRequest],
		];
		for (const [what, b, code] of contents) {
			let error: unknown;
			await assert.rejects(fetchFiles(s, album.raw, b, async (f) => {
				await f.blob().catch((err: unknown) => (error = err));
				throw error;
			}), TwinwireError, what);
			failsWith(code)(error);
		}
		assert.equal(await s.call(album.ignore, undefined), 7);
	}));

	it('no bytes make it do anything but fail', withSession(async (s) => {
		let seed = 17;
		const random = (n: number): number => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % n;
		const sum = createHash('sha256').update('ab').digest();
		const good = Buffer.concat([...[{ files: 1 }, { name: 'a', size: 2, sum }, { at: 0 }].map((v) => withLength(encode(value, v).slice())), Uint8Array.of(0, 2, 97, 98, 0, 0), withLength(encode(value, { size: 2, sum }).slice())]);
		const texts: string[] = [];
		await fetchFiles(s, album.raw, good, async (f) => texts.push(await (await f.blob()).text()));
		assert.deepEqual(texts, ['ab']);
		for (let round = 0; round < 300; round++) {
			const b = Buffer.from(good.subarray(0, random(3) ? good.length : random(good.length)));
			for (let n = 1 + random(3); n > 0; n--) if (b.length) b[random(b.length)] = random(256);
			const err: unknown = await fetchFiles(s, album.raw, b, (f) => f.blob()).catch((err: unknown) => err);
			assert.ok(err === undefined || err instanceof TwinwireError, String(err));
		}
	}));
});
