import { CodecError } from '../codec/error.js';
import { Reader } from '../codec/reader.js';
import { decode, encode, value } from '../codec/types.js';
import type { Value } from '../codec/value.js';
import { violation } from '../error.js';
import type { Window } from '../machine/config.js';

/** What this side lets a server do (clause 5). */
export const ownWindow: Window = { calls: 256, messages: 256, large: 16 << 20, max: 4 << 20, names: 1024, streams: 100, stream: 64 << 10 };

/** Lanes that this client has a use for (clause 4.3). */
export const ownLanes = 5;
const version = 1;

/** What a client says of itself (clause 3.3). */
export interface Hello {
	readonly app: string;
	readonly version: string;
	readonly client: string;
	readonly connect: Value | undefined;
	readonly attempt: Uint8Array;
	readonly keep: number;
	readonly resume: { session: Uint8Array; token: Uint8Array; nexts: readonly number[] } | undefined;
	readonly auth: string | undefined;
	readonly cred: Uint8Array | undefined;
}

/** Encodes the payload of HELLO. What is undefined is left out. */
export function encodeHello(h: Hello): Uint8Array {
	const { messages, ...window } = ownWindow;
	return encode(value, {
		v: version,
		app: h.app,
		appv: h.version,
		client: h.client || undefined,
		attempt: h.attempt,
		lanes: ownLanes,
		...window,
		msgs: messages,
		keep: h.keep,
		...h.resume,
		auth: h.auth,
		cred: h.cred,
		connect: h.connect === undefined ? undefined : encode(value, h.connect).slice(),
	}).slice();
}

/** Encodes the HELLO of a renewal (clause 15.8). */
export const encodeRenewal = (auth: string, cred: Uint8Array): Uint8Array => encode(value, { auth, cred }).slice();

/** Reads for how many milliseconds renewed credentials are good, undefined for ever. */
export function decodeExpiry(payload: Uint8Array): number | undefined {
	const map = decode(value, payload) as { readonly expires?: Value };
	return typeof map?.expires === 'number' ? map.expires : undefined;
}

/** What a server says (clause 3.4). */
export interface Welcome {
	readonly lanes: number;
	readonly window: Window;
	readonly session: Uint8Array;
	readonly keep: number;
	readonly token: Uint8Array | undefined;
	readonly nexts: readonly number[] | undefined;
	readonly generation: number;
	readonly ping: number;
	/** Milliseconds after which the credentials are not good any more (clause 15.7). */
	readonly expires: number | undefined;
}

/** Reads the payload of WELCOME. */
export function decodeWelcome(payload: Uint8Array): Welcome {
	const n: { [key: string]: number } = { lanes: 1, keep: 0, gen: 0, ping: 0, calls: 0, msgs: 0, large: 0, max: 0, names: 0, streams: 0, stream: 0 };
	const b: { [key: string]: Uint8Array } = {};
	let nexts: number[] | undefined;
	let expires: number | undefined;
	try {
		const r = new Reader(payload);
		for (let left = r.map(); left > 0; left--) {
			const key = String(r.key());
			if (key === 'session' || key === 'token') b[key] = r.bytes();
			else if (key === 'nexts') {
				nexts = [];
				for (let i = r.array(); i > 0; i--) nexts.push(r.within(0, Number.MAX_SAFE_INTEGER));
				r.leave();
			} else if (key === 'expires') expires = r.within(0, Number.MAX_SAFE_INTEGER);
			else if (key === 'v' || Object.hasOwn(n, key)) n[key] = r.within(0, Number.MAX_SAFE_INTEGER);
			else r.skip();
		}
		r.leave();
		r.finish();
	} catch (err) {
		if (err instanceof CodecError) throw violation('malformed welcome');
		throw err;
	}
	const num = (key: string): number => n[key] as number;
	const sized = (v: Uint8Array | undefined, size: number): boolean => v?.length === size;
	if (num('v') !== version || num('gen') < 1 || num('ping') < 10 || num('lanes') < 1 || num('large') < num('max') || !sized(b['session'], 16) || num('keep') > 0 !== sized(b['token'], 32)) throw violation('server sent a welcome that makes no sense');
	return {
		lanes: Math.min(ownLanes, num('lanes')),
		window: { calls: num('calls'), messages: num('msgs'), large: num('large'), max: num('max'), names: Math.min(num('names'), 1024), streams: num('streams'), stream: num('stream') },
		session: (b['session'] as Uint8Array).slice(),
		keep: num('keep'),
		token: b['token']?.slice(),
		nexts,
		generation: num('gen'),
		ping: num('ping'),
		expires,
	};
}
