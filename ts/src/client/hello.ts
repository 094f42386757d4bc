import { decode, encode, value } from '../codec/types.js';
import type { Value } from '../codec/value.js';
import { violation } from '../error.js';
import type { Window } from '../machine/config.js';

/** What this side lets a server do (clause 5). */
export const ownWindow: Window = { calls: 256, msgs: 256, large: 16 << 20, max: 4 << 20, names: 1024, streams: 100, stream: 64 << 10 };

/** Lanes that this client has a use for (clause 4.3). */
const ownLanes = 5;
const version = 1;

/** Encodes the payload of HELLO (clause 3.3). What is undefined is left out. */
export const encodeHello = (fields: { readonly [key: string]: Value }): Uint8Array => encode(value, { v: version, lanes: ownLanes, ...ownWindow, ...fields }).slice();

/** Encodes the HELLO of a renewal (clause 15.8). */
export const encodeRenewal = (auth: string, cred: Uint8Array): Uint8Array => encode(value, { auth, cred }).slice();

/** What a server says (clause 3.4). */
export interface Welcome extends Window {
	readonly lanes: number;
	readonly session: Uint8Array;
	readonly keep: number;
	readonly token: Uint8Array | undefined;
	readonly nexts: readonly number[] | undefined;
	readonly gen: number;
	readonly ping: number;
	/** Milliseconds after which the credentials are not good any more (clause 15.7). */
	readonly expires: number | undefined;
	readonly features: readonly string[] | undefined;
}

/** Reads the payload of WELCOME. It is a view of what it reads; nobody changes that. */
export function decodeWelcome(payload: Uint8Array): Welcome {
	let w: Welcome & { v: number };
	const bytes = (b: unknown, n: number): boolean => b instanceof Uint8Array && b.length === n;
	const list = (v: unknown, type: string): boolean => v === undefined || (Array.isArray(v) && v.every((e) => typeof e === type));
	try {
		w = { lanes: 1, calls: 0, msgs: 0, large: 0, max: 0, names: 0, streams: 0, stream: 0, keep: 0, gen: 0, ping: 0, ...(decode(value, payload) as object) } as typeof w;
		const { v, lanes, calls, msgs, large, max, names, streams, stream, keep, gen, ping, expires } = w;
		const numbers = [lanes - 1, calls, msgs, large - max, max, names, streams, stream, keep, gen - 1, ping - 10, expires ?? 0];
		if (v !== version || !numbers.every((n) => n >= 0) || !bytes(w.session, 16) || keep > 0 !== bytes(w.token, 32) || !list(w.nexts, 'number') || !list(w.features, 'string')) throw 0;
	} catch {
		throw violation('3.4');
	}
	return { ...w, lanes: Math.min(ownLanes, w.lanes), names: Math.min(1024, w.names) };
}

/** Reads for how many milliseconds renewed credentials are good, undefined for ever. */
export const decodeExpiry = (payload: Uint8Array): number | undefined => {
	const map = decode(value, payload) as { readonly expires?: Value } | null;
	return typeof map?.expires === 'number' ? map.expires : undefined;
};
