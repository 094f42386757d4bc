// The vectors of clause 11, both ways.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Code, TwinwireError } from '../src/error.js';
import { encodeFrame, Frame, numbered, parseFrame } from '../src/frame/frame.js';
import { Kind } from '../src/frame/layout.js';
import { decodeMetadata } from '../src/frame/metadata.js';
import { getVarint, putVarint, varintSize } from '../src/frame/varint.js';

type Bytes = string | { text: string } | { repeat: string; count: number } | Bytes[];
interface Vector {
	name: string;
	hex: Bytes;
	kind: string | number;
	lane: number;
	flags?: string[];
	sequence?: number | string;
	numbers?: { [name: string]: number | string | (number | string)[] };
	strings?: { [name: string]: Bytes };
	payload?: Bytes;
	packed?: boolean;
	reason?: string;
	value?: number | string;
	pairs?: [Bytes, Bytes][];
}
const vectors = JSON.parse(readFileSync(new URL('../../../frame/testdata/vectors.json', import.meta.url), 'utf8')) as {
	[set in 'varints' | 'frames' | 'ignored' | 'refused' | 'metadata' | 'metadata_refused']: Vector[];
};

function bytes(v: Bytes | undefined): Uint8Array {
	if (v === undefined) return new Uint8Array(0);
	if (typeof v === 'string') return Uint8Array.from(Buffer.from(v.replaceAll(' ', ''), 'hex'));
	if (Array.isArray(v)) return Uint8Array.from(Buffer.concat(v.map(bytes)));
	if ('text' in v) return new TextEncoder().encode(v.text);
	return Uint8Array.from(Buffer.from(v.repeat.repeat(v.count), 'hex'));
}

/** The names of clause 2.6 as fields of Frame. */
const fieldOf: { [name: string]: 'id' | 'code' | 'ref' | 'size' | 'millis' | 'next' | 'slot' | 'version' } = {
	'id': 'id', 'topic id': 'id', 'token': 'id', 'generation': 'id', 'what': 'id',
	'code': 'code', 'method': 'ref', 'type': 'ref', 'size': 'size',
	'retry-after ms': 'millis', 'ms left': 'millis',
	'next': 'next', 'limit': 'next', 'barrier': 'next', 'version': 'next', 'missed': 'next', 'end ms': 'next', 'version of the topic': 'version',
	'slot': 'slot', 'streams': 'slot',
};
const flagBits: { [kind: string]: string[] } = {
	REFUSE: ['RETRY', 'NEVER', 'AUTH'], ATTACH: ['ALL'], CLOSE: ['RETRY'], LEAVING: ['RETRY'], WINDOW: ['', '', 'CALLEE'],
	CALL: ['MORE', 'META', 'DEADLINE', 'UNORDERED', 'IDEMPOTENT'], MESSAGE: ['MORE', 'META', '', 'UNORDERED'],
	REPLY: ['MORE', 'META', 'BARRIER', 'STREAMS'], MORE: ['MORE', 'OF low', 'OF high'],
	STATE: ['MORE', 'SNAPSHOT', 'NAME', 'END'], DATA: ['', 'BEGIN', 'CALLEE', 'END', 'ASK'], RESET: ['', '', 'CALLEE'],
	STOP: ['', '', 'CALLEE'], TOPIC: ['BEGIN'], EVENT: ['MORE', 'MISSED', 'LATEST'],
};

function expected(v: Vector): Frame {
	const kind = String(v.kind);
	const f = new Frame(Object.entries(Kind).find(([name]) => name.toUpperCase() === kind)?.[1] as number);
	f.lane = v.lane;
	for (const flag of v.flags ?? []) {
		const bit = (flagBits[kind] ?? []).indexOf(flag);
		assert.ok(bit >= 0, `flag ${flag} of ${kind}`);
		f.flags |= 8 << bit;
	}
	if (v.sequence !== undefined) f.seq = Number(v.sequence);
	for (const [name, n] of Object.entries(v.numbers ?? {})) {
		if (Array.isArray(n)) f.nexts = n.map(Number);
		else if (name !== 'count') f[fieldOf[name] ?? assert.fail(name)] = Number(n);
	}
	for (const [name, s] of Object.entries(v.strings ?? {})) f[name === 'metadata' ? 'meta' : 'name'] = bytes(s);
	f.payload = bytes(v.payload);
	f.packed = v.packed === true;
	return f;
}

describe('vectors', () => {
	it('1.3: varints, both ways', () => {
		for (const v of vectors.varints) {
			const b = bytes(v.hex);
			const want = Number(v.value);
			const c = { b, at: 0, end: b.length };
			assert.equal(getVarint(c), want);
			assert.equal(c.at, b.length);
			if (want > Number.MAX_SAFE_INTEGER) continue; // about its value
			const out = new Uint8Array(varintSize(want));
			assert.equal(putVarint(out, 0, want), b.length);
			assert.deepEqual(out, b);
		}
	});
	for (const v of vectors.frames) {
		if (v.kind === 'EARLY') { // of a feature that this client does not offer (17.1)
			it(`skipped: ${v.name}`, () => assert.equal(parseFrame(bytes(v.hex), 0)[1], bytes(v.hex).length));
			continue;
		}
		// A name of that number breaks 6.2 anyway.
		if (typeof v.numbers?.['method'] === 'string') continue;
		it(`frame: ${v.name}`, () => {
			const b = bytes(v.hex);
			const want = expected(v);
			const [got, end] = parseFrame(b, 0);
			assert.equal(end, b.length);
			if (!v.numbers || !('count' in v.numbers)) got.nexts = [];
			assert.deepEqual({ ...got, payload: hex(got.payload) }, { ...want, payload: hex(want.payload) });
			if (!/"\d{16,}"/.test(JSON.stringify(v))) assert.equal(hex(encodeFrame(want)), hex(b));
		});
	}
	for (const v of vectors.ignored) {
		it(`ignored: ${v.name}`, () => {
			const b = bytes(v.hex);
			const [f, end] = parseFrame(b, 0);
			assert.equal(end, b.length);
			assert.deepEqual([f.kind, f.lane], [v.kind, v.lane]);
			if (numbered(f.kind)) assert.equal(f.seq, v.sequence);
		});
	}
	for (const v of vectors.refused) {
		it(`refused: ${v.name}`, () => {
			assert.throws(() => parseFrame(bytes(v.hex), 0), (err) => err instanceof TwinwireError && err.code === Code.ProtocolError);
		});
	}
	it('6.3: metadata', () => {
		for (const v of vectors.metadata) {
			const text = (b: Bytes): string => new TextDecoder().decode(bytes(b));
			assert.deepEqual(Object.entries(decodeMetadata(bytes(v.hex))).sort(), (v.pairs ?? []).map(([k, x]) => [text(k), text(x)]).sort(), v.name);
		}
		for (const v of vectors.metadata_refused) assert.throws(() => decodeMetadata(bytes(v.hex)), TwinwireError, v.name);
	});
});

const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');
