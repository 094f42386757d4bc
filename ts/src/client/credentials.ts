import { concat, utf8 } from '../frame/varint.js';
import type { Prove } from './greet.js';
import { Renewal } from './renew.js';

/** What a client proves who it is with (clause 15): see token, secret and credentials. */
export interface Credentials {
	/** The method: "token", "secret", or one that the server knows. */
	readonly method: string;
	/** The token, or the name of the secret. */
	readonly credential: Uint8Array;
	/** Answers a challenge, where the method has one. */
	readonly prove: Prove | undefined;
	/** What replaces them in time, Renewal. It comes with the credentials, so that clients without any do without. */
	readonly keeper: unknown;
}

/** Credentials of a method that the server knows. */
export const credentials = (method: string, credential: string | Uint8Array, prove?: Prove): Credentials => ({ method, credential: typeof credential === 'string' ? utf8(credential) : credential, prove, keeper: Renewal });

/** Credentials that are a token, which a server or somebody whom it trusts has issued. */
export const token = (credential: string): Credentials => credentials('token', credential);

/** Credentials that are a secret of at least 32 bytes, which both know by a name. It is not sent. */
export const secret = (name: string, key: Uint8Array): Credentials =>
	credentials('secret', name, async (challenge, id) => {
		const hmac: HmacImportParams = { name: 'HMAC', hash: 'SHA-256' };
		const k = await crypto.subtle.importKey('raw', key as Uint8Array<ArrayBuffer>, hmac, false, ['sign']);
		const proof = concat([utf8('twinwire proof 1'), id, challenge, utf8(name)]) as Uint8Array<ArrayBuffer>;
		return new Uint8Array(await crypto.subtle.sign('HMAC', k, proof));
	});
