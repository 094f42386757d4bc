import { Code, TwinwireError, violation } from '../error.js';
import { getVarint, putVarint, varintSize } from './varint.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const none: Uint8Array = new Uint8Array(0);

/** Metadata of a call or a reply (clause 6.3): keys are of a-z, 0-9 and ._/-. */
export type Metadata = { readonly [key: string]: string };

/** Encodes metadata: at most 64 pairs and 8,192 bytes. */
export function encodeMetadata(m: Metadata | undefined): Uint8Array {
	const keys = m ? Object.keys(m).sort() : [];
	if (!m || keys.length === 0) return none;
	const parts: Uint8Array[] = [];
	let size = 0;
	for (const key of keys) {
		if (!validKey(key)) throw new TwinwireError(Code.BadRequest, 'malformed key of metadata');
		for (const s of [encoder.encode(key), encoder.encode(m[key])]) {
			parts.push(s);
			size += varintSize(s.length) + s.length;
		}
	}
	if (keys.length > 64 || size > 8192) throw new TwinwireError(Code.TooLarge, 'metadata is too large');
	const b = new Uint8Array(size);
	let p = 0;
	for (const s of parts) {
		p = putVarint(b, p, s.length);
		b.set(s, p);
		p += s.length;
	}
	return b;
}

const validKey = (key: string): boolean => /^[a-z0-9._/-]{1,255}$/.test(key);

/** Decodes metadata of the peer. */
export function decodeMetadata(b: Uint8Array): Metadata {
	if (b.length > 8192) throw violation('malformed metadata');
	const pairs: [string, string][] = [];
	const c = { at: 0 };
	const next = (): string => {
		const n = getVarint(b, c, b.length);
		if (n < 0 || n > b.length - c.at) throw violation('malformed metadata');
		const start = c.at;
		c.at += Number(n);
		return decoder.decode(b.subarray(start, c.at));
	};
	let last = '';
	while (c.at < b.length) {
		const key = next();
		if (!validKey(key) || key <= last || pairs.length === 64) throw violation('malformed metadata');
		last = key;
		pairs.push([key, next()]);
	}
	return Object.fromEntries(pairs);
}
