import { Code, TwinwireError } from '../error.js';
import type { Target } from '../wires/carrier.js';

/** An address taken apart: where it goes, and the wire that its scheme asks for, undefined for the best. */
export interface Address {
	readonly target: Target;
	readonly wire: string | undefined;
}

/**
 * Takes an address apart: host, host:port, https://host for the best wire
 * there is; wss:// and quic:// for one and no other; ws:// without TLS, for
 * loopback addresses only.
 */
export function parseAddress(address: string): Address {
	const [, scheme = '', rest = ''] = /^(?:(wss?|quic|https):\/\/)?([^@#]+)$/.exec(address) ?? [];
	const plaintext = scheme === 'ws';
	try {
		const { host, hostname, pathname, search } = new URL(`http${plaintext ? '' : 's'}://${rest}`);
		if (plaintext && !/^(.*\.)?localhost$|^127(\.\d+){3}$|^\[::1\]$/.test(hostname)) throw 0;
		return { target: { host, path: (pathname === '/' ? '/twinwire' : pathname) + search, plaintext }, wire: scheme === 'quic' ? 'webtransport' : scheme.startsWith('ws') ? 'websocket' : undefined };
	} catch {
		throw new TwinwireError(Code.BadRequest, 'malformed address');
	}
}
