import { Code, TwinwireError } from '../error.js';
import type { Target } from '../wires/carrier.js';

/** An address taken apart: where it goes, and the wire that its scheme asks for, undefined for the best. */
export interface Address {
	readonly target: Target;
	readonly wire: string | undefined;
}

const wires: { readonly [scheme: string]: string | undefined } = { 'wss:': 'websocket', 'ws:': 'websocket', 'quic:': 'webtransport', 'https:': undefined };

/**
 * Takes an address apart: host, host:port, https://host for the best wire
 * there is; wss:// and quic:// for one and no other; ws:// without TLS, for
 * loopback addresses only.
 */
export function parseAddress(address: string): Address {
	const at = address.indexOf('://');
	const scheme = at < 0 ? 'https:' : address.slice(0, at + 1);
	let url: URL | undefined;
	try {
		url = new URL(`https://${at < 0 ? address : address.slice(at + 3)}`);
	} catch {
		// Said below.
	}
	if (!url || !(scheme in wires) || url.username || url.hash) throw new TwinwireError(Code.BadRequest, 'not an address of the form host, host:port or scheme://host:port, with wss, quic, https or ws');
	const plaintext = scheme === 'ws:';
	if (plaintext && !/^(.*\.)?localhost$|^127(\.\d+){3}$|^\[::1\]$/.test(url.hostname)) throw new TwinwireError(Code.BadRequest, 'ws:// is plaintext, and for loopback addresses only: use wss://');
	const path = (url.pathname === '/' ? '/twinwire' : url.pathname) + url.search;
	// The port that an https URL leaves out is not that of ws.
	return { target: { host: plaintext && !url.port ? `${url.hostname}:443` : url.host, path, plaintext }, wire: wires[scheme] };
}
