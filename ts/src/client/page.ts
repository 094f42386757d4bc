import { Code, TwinwireError } from '../error.js';
import type { Wire } from '../wires/carrier.js';
import { webSocket } from '../wires/websocket.js';
import { webTransport } from '../wires/webtransport.js';

/** What a server tells pages of its own origin (clause 10.6). */
interface Directions {
	readonly webtransport?: {
		readonly url: string;
		readonly serverCertificateHashes?: readonly { readonly algorithm: string; readonly value: string }[];
	};
}

/**
 * The wires to the server that a page came from, for ConnectOptions.wires. Each
 * dial of WebTransport asks that server for its address and, in development, for
 * the certificates to accept, so that it keeps working when they change.
 */
export function pageWires(origin: string = location.origin): Wire[] {
	const { host, protocol } = new URL(origin);
	const socket = webSocket();
	const quic: Wire = {
		name: 'webtransport',
		async dial(_, signal) {
			const { webtransport } = await directions(origin, signal);
			if (!webtransport) throw new TwinwireError(Code.NotImplemented, 'this server has no WebTransport');
			const url = new URL(webtransport.url);
			const hashes = webtransport.serverCertificateHashes?.filter((h) => h.algorithm === 'sha-256').map((h) => Uint8Array.from(atob(h.value), (c) => c.charCodeAt(0)));
			return webTransport(hashes).dial({ host: url.host, path: url.pathname + url.search, plaintext: false }, signal);
		},
	};
	return [
		...(typeof WebTransport === 'undefined' ? [] : [quic]),
		{ name: socket.name, dial: (_, signal) => socket.dial({ host, path: '/twinwire', plaintext: protocol === 'http:' }, signal) },
	];
}

async function directions(origin: string, signal: AbortSignal): Promise<Directions> {
	try {
		const response = await fetch(`${origin}/.well-known/twinwire`, { cache: 'no-store', signal });
		if (!response.ok) throw new Error(`status ${response.status}`);
		return (await response.json()) as Directions;
	} catch (cause) {
		throw new TwinwireError(Code.Unavailable, 'the server does not tell how to reach it', { cause });
	}
}
