// The codec: bytes that anyone may send, and the bounds of numbers.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as c from '../src/codec/index.js';
import { CodecError, decode, encode, Timestamp } from '../src/codec/index.js';
import { patchFields, readTable } from '../src/codec/patch.js';
import { finish, Reader } from '../src/codec/reader.js';
import { Everything, State } from './lab.js';

const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');
const bytes = (s: string): Uint8Array => Uint8Array.from(Buffer.from(s.replaceAll(' ', ''), 'hex'));

describe('codec', () => {
	it('writes integers in their shortest form, and reads them back', () => {
		const forms: [bigint, string][] = [
			[0n, '00'], [127n, '7f'], [128n, 'cc80'], [255n, 'ccff'], [256n, 'cd0100'], [65535n, 'cdffff'], [65536n, 'ce00010000'], [4294967295n, 'ceffffffff'],
			[4294967296n, 'cf0000000100000000'], [9007199254740991n, 'cf001fffffffffffff'], [9007199254740992n, 'cf0020000000000000'], [18446744073709551615n, 'cfffffffffffffffff'],
			[-1n, 'ff'], [-32n, 'e0'], [-33n, 'd0df'], [-128n, 'd080'], [-129n, 'd1ff7f'], [-32768n, 'd18000'], [-32769n, 'd2ffff7fff'], [-2147483648n, 'd280000000'],
			[-2147483649n, 'd3ffffffff7fffffff'], [-9007199254740991n, 'd3ffe0000000000001'], [-9223372036854775808n, 'd38000000000000000'],
		];
		for (const [v, want] of forms) {
			const type = v < 0n ? c.int64 : c.uint64;
			assert.equal(hex(encode(type, v)), want);
			assert.equal(decode(type, bytes(want)), v);
			const n = Number(v);
			if (!Number.isSafeInteger(n)) continue;
			assert.equal(hex(encode(c.int53, n)), want);
			assert.equal(decode(c.int53, bytes(want)), n);
		}
	});
	it('takes numbers exactly or not at all', () => {
		for (const [type, text] of [[c.uint8, 'cd012c'], [c.int8, 'cc80'], [c.uint32, 'ff'], [c.uint64, 'ff'], [c.int64, 'cfffffffffffffffff'], [c.int53, 'cf0020000000000001'], [c.uint8, 'c0'], [c.uint8, 'cb4000000000000000']] as const)
			assert.throws(() => decode(type as c.Type<unknown>, bytes(text)), CodecError, text);
		for (const [type, v] of [[c.uint8, 256], [c.int8, -129], [c.uint32, 1.5], [c.uint32, NaN], [c.int53, 2 ** 53], [c.uint64, -1n], [c.int64, 1n << 63n]] as const)
			assert.throws(() => encode(type as c.Type<unknown>, v), CodecError, String(v));
	});
	it('writes a struct in the order of its type, whatever that of the value', () => {
		const type = c.struct({ A: c.uint8, B: c.string, C: c.bool });
		const want = '83 a141 01 a142 a178 a143 c3'.replaceAll(' ', '');
		const inherited = Object.assign(Object.create({ C: true }) as { C: boolean }, { A: 1, B: 'x' });
		for (const v of [{ A: 1, B: 'x', C: true }, { C: true, B: 'x', A: 1 }, { A: 1, More: 2, B: 'x', C: true }, { A: 1, B: 'x', C: true, More: 2 }, inherited]) assert.equal(hex(encode(type, v)), want, Object.keys(v).join());
		assert.equal(hex(encode(c.struct({}), { More: 2 })), '80');
	});
	it('carries any value', () => {
		const v = { a: null, b: [true, false, -0.5, 'é'.repeat(40), 'x'.repeat(300), 'y'.repeat(70_000)], c: new Uint8Array(300), d: new Timestamp(5, 6), e: new Map([[1, 'one'], [2, 'two']]), f: 2n ** 63n, '__proto__x': {} };
		assert.deepEqual(decode(c.value, encode(c.value, v)), v);
		const evil = decode(c.value, bytes('81 a9 5f5f70726f746f5f5f 81 a1 78 01')) as object;
		assert.deepEqual([Object.getPrototypeOf(evil) === Object.prototype, Object.keys(evil)], [true, ['__proto__']]);
		assert.throws(() => encode(c.value, (() => 1) as never), CodecError);
		assert.throws(() => encode(c.string, 'lone \ud800 surrogate'), CodecError);
	});
	it('refuses what would cost more than it is', () => {
		for (const text of ['ddffffffff', 'dfffffffff', 'c6ffffffff', 'dbffffffff', 'c1', '', 'a3 6161', 'a1 ff', '81 c0 00', '91', 'd6 00 00000000', `${'91'.repeat(40)}c0`, '00 00', 'd7ff ffffffff 00000000'])
			assert.throws(() => decode(c.value, bytes(text)), CodecError, text);
		assert.throws(() => decode(c.struct({}), bytes(`81 a1 61 ${'91'.repeat(40)} c0`)), CodecError);
		assert.throws(() => decode(c.list(c.list(c.bool)), bytes(`dc2000 ${'dc2000'.repeat(100)}`)), CodecError);
	});
	it('no bytes make it do anything but throw a CodecError', () => {
		let seed = 4711;
		const random = (n: number): number => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % n;
		const good = encode(Everything, { ...Everything.zero(), Text: 'text', Map: new Map([['k', 1]]), Many: [{ Name: 'a', Count: 1 }], Next: { Name: 'n', Count: 2 } }).slice();
		let read = 0;
		for (let round = 0; round < 20_000; round++) {
			const b = good.slice(0, random(4) === 0 ? random(good.length) : good.length);
			for (let n = random(4); n > 0; n--) b[random(b.length)] = random(256);
			for (const type of [Everything, c.value] as c.Type<unknown>[]) {
				try {
					decode(type, b);
					read++;
				} catch (err) {
					assert.ok(err instanceof CodecError, String(err));
				}
			}
		}
		assert.ok(read > 1000);
	});
});

describe('patches', () => {
	const State2 = c.struct({ Title: c.string, Count: c.uint32, Players: c.map(c.string, c.struct({ X: c.int32, Y: c.int32 })), Log: c.list(c.string), Blob: c.bytes });
	const fields = State2.fields ?? assert.fail();
	const binding = readTable(new Reader(bytes('92 97 a5 5469746c65 a5 436f756e74 a7 506c6179657273 01 a3 4c6f67 a4 426c6f62 a7 556e6b6e6f776e 92 a1 58 a1 59')));
	const start = { Title: 'a', Count: 1, Players: new Map([['bob', { X: 1, Y: 2 }]]), Log: ['a', 'b', 'c'], Blob: Uint8Array.of(1, 2, 3) };
	const apply = (text: string): unknown => {
		const r = new Reader(bytes(text));
		const v = patchFields(r, start, fields, binding, 0, Infinity);
		finish(r);
		return v;
	};
	it('S4 to S8: every operation', () => {
		const cases: [string, Partial<typeof start>][] = [
			['00 a1 78', { Title: 'x' }],
			['04 07 14 c3', { Count: 7 }],
			['16 01 02', {}],
			['17 92 01 02', {}],
			['0a a2 616e 82 a1 58 01 a1 59 02', { Players: new Map([['bob', { X: 1, Y: 2 }], ['an', { X: 1, Y: 2 }]]) }],
			['0b 93 03 a3 626f62 92 04 03', { Players: new Map([['bob', { X: 1, Y: 3 }]]) }],
			['09 a3 626f62', { Players: new Map() }],
			['0d a1 78', { Log: ['a', 'b', 'c', 'x'] }],
			['0e 01 a1 78', { Log: ['a', 'x', 'c'] }],
			['0f 94 04 00 01 90', { Log: ['b', 'c'] }],
			['0f 99 04 00 01 91 a1 79 02 01 a1 7a 01 a1 77', { Log: ['y', 'z', 'c', 'w'] }],
			['11 c4 01 04', { Blob: Uint8Array.of(1, 2, 3, 4) }],
			['13 94 04 01 02 c4 01 09', { Blob: Uint8Array.of(1, 9) }],
		];
		for (const [text, want] of cases) assert.deepEqual(apply(text), { ...start, ...want }, text);
	});
	it('S9: refuses what is out of order, or does not suit', () => {
		for (const text of [
			'04 07 00 a1 78', '04 07 04 07', '40 01', '02 00 00', '0b 93 03 a1 78 92 04 03', '0b 96 02 a1 62 82 a1 58 01 a1 59 02 01 a1 61', '0e 03 a1 78', '0f 96 02 01 a1 78 02 00 a1 78',
			'0f 94 04 02 05 90', '0f 92 01', '0f 93 03 00 90', '13 92 02 00', '13 94 04 02 02 c4 00', '04', '0b 92 03 a3', '07 90',
		]) assert.throws(() => apply(text), CodecError, text);
		assert.throws(() => readTable(new Reader(bytes('90'))), CodecError);
		assert.throws(() => readTable(new Reader(bytes('91 92 a1 61 05'))), CodecError);
	});
	it('S3: of two fields of one name the first counts', () => {
		const twice = readTable(new Reader(bytes('91 92 a5 436f756e74 a5 436f756e74')));
		assert.deepEqual(patchFields(new Reader(bytes('00 05 04 c3')), start, fields, twice, 0, Infinity), { ...start, Count: 5 });
	});
	it('no bytes make a patch do anything but throw a CodecError', () => {
		let seed = 99;
		const random = (n: number): number => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % n;
		const full = State.fields ?? assert.fail();
		const names = ['Title', 'Count', 'Players', 'Scores', 'Log', 'Board', 'Grid', 'Blob', 'Best', 'Seen'];
		const sender = [names.map((name) => ({ name, struct: ['Players', 'Board', 'Best'].includes(name) ? 1 : -1 })), ['X', 'Y', 'Tags'].map((name) => ({ name, struct: -1 }))];
		for (let round = 0; round < 50_000; round++) {
			const b = Uint8Array.from({ length: 1 + random(12) }, () => (random(3) > 0 ? random(48) : [0x91, 0x92, 0x93, 0x94, 0xa1, 0xa0, 0xc4, 0x90][random(8)] as number));
			try {
				patchFields(new Reader(b), State.zero(), full, sender, 0, Infinity);
			} catch (err) {
				assert.ok(err instanceof CodecError, String(err));
			}
		}
	});
});
