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
	const [, scheme = 'https', rest = ''] = /^(?:(wss?|quic|https):\/\/)?([^@#]+)$/.exec(address) ?? [];
	const plaintext = scheme === 'ws';
	try {
		const url = new URL(`https://${rest}`);
		if (plaintext && !/^(.*\.)?localhost$|^127(\.\d+){3}$|^\[::1\]$/.test(url.hostname)) throw 0;
		const path = (url.pathname === '/' ? '/twinwire' : url.pathname) + url.search;
		// The port that an https URL leaves out is not that of ws.
		return { target: { host: plaintext && !url.port ? `${url.hostname}:443` : url.host, path, plaintext }, wire: scheme === 'quic' ? 'webtransport' : scheme === 'https' ? undefined : 'websocket' };
	} catch {
		throw new TwinwireError(Code.BadRequest, 'not an address of the form host, host:port or scheme://host:port, with wss, quic, https, or ws for loopback');
	}
}
