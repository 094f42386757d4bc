import { Code, must, TwinwireError } from '../error.js';
import { concat, getString, text, utf8, withLength } from './varint.js';

/** Metadata of a call or a reply (clause 6.3): keys are of a-z, 0-9 and ._/-. */
export type Metadata = { readonly [key: string]: string };

const validKey = (key: string): boolean => /^[a-z0-9._/-]{1,255}$/.test(key);

/** What travels with a call beside its arguments and its result: see metadata. */
export interface CallMetadata {
	readonly bytes: Uint8Array;
	/** Reads that of the answer. */
	read(b: Uint8Array): Metadata;
	readonly answered: ((answer: Metadata) => void) | undefined;
}

/**
 * For CallOptions.metadata: sends metadata with a call. answered is called with
 * that of the answer, before the call returns. It throws a TwinwireError with
 * BadRequest for more than 64 pairs or 8,192 bytes, and for other keys.
 */
export const metadata = (pairs: Metadata, answered?: (answer: Metadata) => void): CallMetadata => ({ bytes: encodeMetadata(pairs), read: decodeMetadata, answered });

/** Encodes metadata: at most 64 pairs and 8,192 bytes. */
export function encodeMetadata(m: Metadata): Uint8Array {
	const keys = Object.keys(m).sort();
	const b = concat(keys.flatMap((key) => [key, m[key] as string].map((s) => withLength(utf8(s)))));
	if (!keys.every(validKey) || keys.length > 64 || b.length > 8192) throw new TwinwireError(Code.BadRequest, 'malformed metadata');
	return b;
}

/** Decodes metadata of the peer. */
export function decodeMetadata(b: Uint8Array): Metadata {
	const pairs: [string, string][] = [];
	const c = { b, at: 0, end: b.length };
	const next = (): string => text(getString(c, 8192));
	for (let last = ''; c.at < c.end; ) {
		const key = next();
		must(validKey(key) && key > last && pairs.length < 64 && c.end <= 8192, 6.3);
		pairs.push([(last = key), next()]);
	}
	return Object.fromEntries(pairs);
}
