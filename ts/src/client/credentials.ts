import { concat, utf8 } from '../frame/varint.js';
import type { Prove } from './greet.js';

/** What a client proves who it is with (clause 15). */
export interface Credentials {
	/** The method: "token", "secret", or one that the server knows. */
	readonly method: string;
	/** The token, or the name of the secret. */
	readonly credential: string | Uint8Array;
	/** Answers a challenge, where the method has one. */
	readonly prove?: Prove;
}


/** Credentials that are a token, which a server or somebody whom it trusts has issued. */
export const token = (credential: string): Credentials => ({ method: 'token', credential });

/** Credentials that are a secret of at least 32 bytes, which both know by a name. It is not sent. */
export const secret = (name: string, key: Uint8Array): Credentials => ({
	method: 'secret',
	credential: name,
	prove: async (challenge, id) => {
		const hmac: HmacImportParams = { name: 'HMAC', hash: 'SHA-256' };
		const k = await crypto.subtle.importKey('raw', key as Uint8Array<ArrayBuffer>, hmac, false, ['sign']);
		const proof = concat([utf8('twinwire proof 1'), id, challenge, utf8(name)]) as Uint8Array<ArrayBuffer>;
		return new Uint8Array(await crypto.subtle.sign('HMAC', k, proof));
	},
});

/** The bytes of a credential. */
export const credentialBytes = (c: Credentials): Uint8Array => (typeof c.credential === 'string' ? utf8(c.credential) : c.credential);
