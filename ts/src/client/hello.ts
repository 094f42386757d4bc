import { binary, decode, encode, sequence, string, struct, type Type, type TypeOf, uint53 } from '../codec/types.js';
import { violation } from '../error.js';
import type { Window } from '../machine/config.js';

/** What this side lets a server do (clause 5). */
export const ownWindow: Window = { calls: 256, msgs: 256, large: 16 << 20, max: 4 << 20, names: 1024, streams: 100, stream: 64 << 10 };

/** Lanes that this client has a use for (clause 4.3). */
const ownLanes = 5;
const version = 1;

/** What HELLO and WELCOME say (clauses 3.3 and 3.4). */
const words = {
	v: uint53,
	lanes: uint53,
	calls: uint53,
	msgs: uint53,
	large: uint53,
	max: uint53,
	names: uint53,
	streams: uint53,
	stream: uint53,
	keep: uint53,
	gen: uint53,
	ping: uint53,
	app: string,
	appv: string,
	client: string,
	auth: string,
	cred: binary,
	connect: binary,
	attempt: binary,
	session: binary,
	token: binary,
	nexts: /* @__PURE__ */ sequence(uint53),
	features: /* @__PURE__ */ sequence(string),
	/** Milliseconds after which the credentials are not good any more (clause 15.7). */
	expires: { ...uint53, zero: () => Infinity },
};

const welcome = /* @__PURE__ */ struct(words);

export type Welcome = TypeOf<typeof welcome>;

/** The fields of HELLO. What is undefined is left out. */
export type HelloFields = { readonly [key in keyof Welcome]?: Welcome[key] | undefined };

function encodeFields(fields: HelloFields): Uint8Array {
	const known = Object.entries(words).filter(([key]) => fields[key as keyof Welcome] !== undefined);
	return encode(struct(Object.fromEntries<Type<unknown>>(known as never)), fields);
}

/** Encodes the payload of HELLO. */
export const encodeHello = (fields: HelloFields): Uint8Array => encodeFields({ v: version, lanes: ownLanes, ...ownWindow, ...fields });

/** Encodes the HELLO of a renewal (clause 15.8). */
export const encodeRenewal = (auth: string, cred: Uint8Array): Uint8Array => encodeFields({ auth, cred });

/** Reads the payload of WELCOME. It is a view of what it reads; nobody changes that. */
export function decodeWelcome(payload: Uint8Array): Welcome {
	try {
		const w = decode(welcome, payload);
		if (w.v !== version || !w.lanes || w.large < w.max || !w.gen || w.ping < 10 || w.session.length !== 16 || w.token.length !== (w.keep ? 32 : 0)) throw 0;
		return { ...w, lanes: Math.min(ownLanes, w.lanes), names: Math.min(1024, w.names) };
	} catch {
		throw violation(3.4);
	}
}

/** Reads for how many milliseconds renewed credentials are good, Infinity for ever. */
export const decodeExpiry = (payload: Uint8Array): number => decode(welcome, payload).expires;
