import { aborted, Code, TwinwireError, whenAborted } from '../error.js';
import { frameLength } from '../frame/frame.js';
import { concat, none } from '../frame/varint.js';
import { type Carrier, nobody, type Wire } from './carrier.js';

/** Batches that a stream may have before it has taken them. */
const ahead = 2;

/** How long the end of a session may take to be known after one of its streams has failed, in milliseconds. */
const partingTime = 1000;

/** Makes a carrier of a session that is ready. Each lane is a stream of its own (clause 4.4). */
function carry(transport: WebTransport): Carrier {
	/** Of each lane that was opened, how many batches its stream has not taken. */
	const pending: number[] = [];
	const writers: Promise<WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>>[] = [];
	let over = false;
	const end = (code?: number, reason = ''): void => {
		if (over) return;
		over = true;
		carrier.receiver.closed(code, reason);
	};
	/** A stream fails when the session does, which says more in a moment; a session that goes on without one of its lanes is of no use. */
	const broke = (): void => void setTimeout(() => transport.close(), partingTime);

	/** Reads a lane, and puts frames together that arrive in pieces. */
	async function read(pipe: number, stream: ReadableStream<Uint8Array>): Promise<void> {
		const reader = stream.getReader();
		let b = none;
		try {
			for (;;) {
				const { value, done } = await reader.read();
				if (over) return;
				// A lane does not end while the carrier lives.
				if (done) break;
				b = b.length ? concat([b, value]) : value;
				let at = 0;
				for (let n = frameLength(b, at); n && at + n <= b.length; n = frameLength(b, at)) at += n;
				if (at) carrier.receiver.frames(pipe, b.subarray(0, at));
				b = b.slice(at);
			}
		} catch (err) {
			if (err instanceof TwinwireError) {
				const { code, message } = err;
				transport.close({ closeCode: code, reason: message });
				end(code, message);
			}
		}
		broke();
	}

	async function open(pipe: number): Promise<WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>> {
		const { writable, readable } = await transport.createBidirectionalStream();
		void read(pipe, readable);
		return writable.getWriter();
	}

	const { datagrams } = transport;
	const carrier: Carrier = {
		datagrams,
		wire: 'webtransport',
		independent: true,
		receiver: nobody,
		writable: (pipe) => (pending[pipe] ?? 0) < ahead,
		send: (pipe, b) => {
			if (over) return;
			pending[pipe] = (pending[pipe] ?? 0) + 1;
			(writers[pipe] ??= open(pipe))
				.then((writer) => writer.write(b as Uint8Array<ArrayBuffer>))
				.then(() => {
					pending[pipe] = (pending[pipe] as number) - 1;
					carrier.receiver.ready();
				}, broke);
		},
		close: (closeCode, reason) => {
			if (over) return;
			over = true;
			transport.close({ closeCode, reason });
		},
	};
	datagrams.readable.pipeTo(new WritableStream({ write: (b: Uint8Array) => carrier.receiver.datagram(b) })).catch(() => {}); // closed tells of the end
	transport.closed.then(({ closeCode, reason }) => end(closeCode || undefined, reason), () => end());
	return carrier;
}

/** After how much silence it is UDP that does not get through, in milliseconds. */
const silence = 2500;

/** Says in a sentence why a session did not open: browsers tell all failures in the same words, so TCP is asked. */
async function why(host: string, hashes: readonly Uint8Array[] | undefined, waited: number): Promise<string> {
	if (waited > silence) return 'no answer over UDP: it may be blocked';
	const untrusted = 'the certificate of the server is not trusted';
	const refused = 'the server refused the session';
	try {
		// The server's certificate as TCP sees it; or, where certificates are named, what the page's own server says of them.
		const response = await fetch(hashes ? '/.well-known/twinwire' : `https://${host}/`, { mode: hashes ? 'same-origin' : 'no-cors', cache: 'no-store' });
		const told = await response.text();
		return !hashes || hashes.some((h) => told.includes(btoa(String.fromCharCode(...h)))) ? refused : `${untrusted}: it has none of the hashes`;
	} catch {
		return hashes ? `${untrusted}, or ${refused}` : untrusted;
	}
}

/**
 * The WebTransport wire (clause 10.5). Certificates that no authority has
 * signed are named by their SHA-256, as the server prints them.
 */
export const webTransport = (hashes?: readonly Uint8Array[]): Wire => ({
	name: 'webtransport',
	dial: async ({ host, path }, signal) => {
		if (typeof WebTransport === 'undefined') throw new TwinwireError(Code.NotImplemented, 'there is no WebTransport in this browser');
		const serverCertificateHashes = hashes?.map((value) => ({ algorithm: 'sha-256', value: value as Uint8Array<ArrayBuffer> }));
		const transport = new WebTransport(`https://${host}${path}`, serverCertificateHashes && { serverCertificateHashes });
		transport.closed.catch(() => {});
		const off = whenAborted(signal, () => transport.close());
		const began = performance.now();
		try {
			await transport.ready;
		} catch (cause) {
			const waited = performance.now() - began;
			if (signal.aborted && waited <= silence) throw aborted(signal);
			throw new TwinwireError(Code.Unavailable, await why(host, hashes, waited), { cause });
		} finally {
			off();
		}
		return carry(transport);
	},
});
