import { aborted, Code, TwinwireError } from '../error.js';
import { frameLength } from '../frame/frame.js';
import { maxLanes } from '../frame/layout.js';
import { type Carrier, nobody, type Receiver, type Target, type Wire } from './carrier.js';

/** One lane's stream (clause 4.4). */
interface Pipe {
	readonly writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
	/** Batches that the stream has not taken. */
	pending: number;
}

class WebTransportCarrier implements Carrier {
	readonly wire = 'webtransport';
	readonly independent = true;
	receiver: Receiver = nobody;
	private readonly pipes: (Pipe | Promise<Pipe>)[] = [];
	private over = false;

	constructor(private readonly transport: WebTransport) {
		transport.closed.then(
			(info) => this.end(info.closeCode || undefined, info.reason ?? ''),
			() => this.end(undefined, ''),
		);
	}

	private end(code: number | undefined, reason: string): void {
		if (this.over) return;
		this.over = true;
		this.receiver.closed(code, reason);
	}

	/** Opens the stream of a lane, lazily. */
	private async open(pipe: number): Promise<Pipe> {
		const stream = await this.transport.createBidirectionalStream();
		const p = { writer: stream.writable.getWriter(), pending: 0 };
		this.pipes[pipe] = p;
		this.read(pipe, stream.readable).catch((err: unknown) => {
			if (err instanceof TwinwireError) {
				const { code, message } = err;
				this.transport.close({ closeCode: code, reason: message });
				this.end(code, message);
			} else this.end(undefined, '');
		});
		return p;
	}

	/** Reads a lane, and puts frames together that arrive in pieces. */
	private async read(pipe: number, stream: ReadableStream<Uint8Array>): Promise<void> {
		const reader = stream.getReader();
		let rest = new Uint8Array(0);
		for (;;) {
			const { value, done } = await reader.read();
			// A lane does not end while the carrier lives.
			if (done || this.over) return this.end(undefined, '');
			let b: Uint8Array = value;
			if (rest.length > 0) {
				b = new Uint8Array(rest.length + value.length);
				b.set(rest);
				b.set(value, rest.length);
			}
			let at = 0;
			for (let n = frameLength(b, at, b.length); n > 0 && at + n <= b.length; n = frameLength(b, at, b.length)) at += n;
			if (at > 0) this.receiver.frames(pipe, b.subarray(0, at));
			rest = b.slice(at);
		}
	}

	writable(pipe: number): boolean {
		const p = this.pipes[pipe];
		return pipe < maxLanes && (p === undefined || (!(p instanceof Promise) && p.pending < 2));
	}

	send(pipe: number, b: Uint8Array): void {
		if (this.over) return;
		const write = (p: Pipe): void => {
			p.pending++;
			p.writer.write(b as Uint8Array<ArrayBuffer>).then(
				() => {
					p.pending--;
					this.receiver.ready();
				},
				() => this.end(undefined, ''),
			);
		};
		const p = this.pipes[pipe];
		if (p && !(p instanceof Promise)) return write(p);
		const opening = p ?? this.open(pipe);
		this.pipes[pipe] = opening;
		opening.then(write, () => this.end(undefined, ''));
	}

	close(code: number, reason: string): void {
		if (this.over) return;
		this.over = true;
		this.transport.close({ closeCode: code, reason });
	}
}

/**
 * The WebTransport wire. Certificates that no authority has signed are named
 * by their SHA-256, as the server prints them.
 */
export function webTransport(hashes?: readonly Uint8Array[]): Wire {
	return {
		name: 'webtransport',
		dial: async (target: Target, signal: AbortSignal) => {
			if (typeof WebTransport === 'undefined') throw new TwinwireError(Code.NotImplemented, 'this platform has no WebTransport');
			if (signal.aborted) throw aborted(signal);
			const options = hashes && { serverCertificateHashes: hashes.map((value) => ({ algorithm: 'sha-256', value: value as Uint8Array<ArrayBuffer> })) };
			const transport = new WebTransport(`https://${target.host}${target.path}`, options);
			transport.closed.catch(() => {});
			const giveUp = (): void => transport.close();
			signal.addEventListener('abort', giveUp, { once: true });
			try {
				await transport.ready;
			} catch (cause) {
				throw signal.aborted ? aborted(signal) : new TwinwireError(Code.Unavailable, 'WebTransport could not be opened', { cause });
			} finally {
				signal.removeEventListener('abort', giveUp);
			}
			return new WebTransportCarrier(transport);
		},
	};
}
