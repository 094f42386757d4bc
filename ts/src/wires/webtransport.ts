import { aborted, Code, TwinwireError, whenAborted } from '../error.js';
import { frameLength } from '../frame/frame.js';
import { concat, none } from '../frame/varint.js';
import { chunksOf } from '../session/iterate.js';
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
	/** A stream fails when the session does, which says more in a moment; a session that goes on without one of its lanes is of no use. */
	const broke = (): void => void setTimeout(() => transport.close(), partingTime);

	/** Reads a lane, and puts frames together that arrive in pieces. */
	async function read(pipe: number, stream: ReadableStream<Uint8Array>): Promise<void> {
		let b = none;
		try {
			// A lane does not end while the carrier lives.
			for await (const chunk of chunksOf(stream)) {
				b = b.length ? concat([b, chunk]) : chunk;
				let at = 0;
				for (let n = frameLength(b, at); n && at + n <= b.length; n = frameLength(b, at)) at += n;
				if (at) carrier.receiver.frames(pipe, b.subarray(0, at));
				b = b.slice(at);
			}
		} catch (err) {
			if (err instanceof TwinwireError) {
				const { code, message } = err;
				carrier.close(code, message);
				carrier.receiver.closed(code, message);
			}
		}
		broke();
	}

	async function open(pipe: number): Promise<WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>> {
		const { writable, readable } = await transport.createBidirectionalStream();
		void read(pipe, readable);
		return writable.getWriter();
	}

	const carrier: Carrier = {
		datagrams: transport.datagrams,
		wire: 'webtransport',
		independent: true,
		receiver: nobody,
		writable: (pipe) => (pending[pipe] ?? 0) < ahead,
		send: (pipe, b) => {
			pending[pipe] = (pending[pipe] ?? 0) + 1;
			(writers[pipe] ??= open(pipe))
				.then((writer) => writer.write(b as Uint8Array<ArrayBuffer>))
				.then(() => {
					pending[pipe] = (pending[pipe] as number) - 1;
					carrier.receiver.ready();
				}, broke);
		},
		close: (closeCode, reason) => transport.close({ closeCode, reason }),
	};
	transport.closed.then(({ closeCode, reason = '' }) => carrier.receiver.closed(closeCode || undefined, reason), () => carrier.receiver.closed(undefined, ''));
	return carrier;
}

/** After how much silence it is UDP that does not get through, in milliseconds. */
const silence = 2500;

/**
 * The WebTransport wire (clause 10.5). Certificates that no authority has
 * signed are named by their SHA-256, as the server prints them.
 */
export const webTransport = (hashes?: readonly Uint8Array[]): Wire => ({
	name: 'webtransport',
	dial: async ({ host, path }, signal) => {
		if (typeof WebTransport === 'undefined') throw new TwinwireError(Code.NotImplemented, 'no WebTransport in this browser');
		const serverCertificateHashes = hashes?.map((value) => ({ algorithm: 'sha-256', value: value as Uint8Array<ArrayBuffer> }));
		const transport = new WebTransport(`https://${host}${path}`, serverCertificateHashes && { serverCertificateHashes });
		transport.closed.catch(() => {});
		const off = whenAborted(signal, () => transport.close());
		const began = performance.now();
		try {
			await transport.ready;
		} catch (cause) {
			const silent = performance.now() - began > silence;
			if (signal.aborted && !silent) throw aborted(signal);
			// The page may have lost its network, and cannot load what would explain that.
			const why = await import('./explain.js').then((m) => m.default(host, hashes, silent)).catch(() => 'connection lost');
			throw new TwinwireError(Code.Unavailable, why, { cause });
		} finally {
			off();
		}
		return carry(transport);
	},
});
