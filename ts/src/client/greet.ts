import { Code, must, TwinwireError, whenAborted, wrapped } from '../error.js';
import { encodeFrame, Frame, parseFrame } from '../frame/frame.js';
import { F1, F2, F3, Kind } from '../frame/layout.js';
import { text } from '../frame/varint.js';
import { type Carrier, nobody } from '../wires/carrier.js';
import { decodeWelcome, type Welcome } from './hello.js';

/** How long a handshake may take, in milliseconds (clause 3.1). */
const handshakeTime = 5000;

/** A carrier whose server has welcomed this client, and on which nothing has begun. */
export interface Offer {
	readonly carrier: Carrier;
	readonly welcome: Welcome;
	/** Milliseconds from the hello to the answer. */
	readonly trip: number;
	/** It has ended meanwhile. */
	readonly ended: () => TwinwireError | undefined;
	/** Why better wires were not had, as far as that is known. */
	failed: readonly TwinwireError[];
}

/** Answers a CHALLENGE (clause 15.3). The id is that of the attempt, or of the session in a renewal. */
export type Prove = (challenge: Uint8Array, id: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/** The cause of errors that a server gave as its answer to a hello. */
export const refused = 'refused by the server';

/** Says hello on a carrier, and waits for the answer. After an error the carrier is closed. */
export function greet(carrier: Carrier, hello: Uint8Array, attempt: Uint8Array, prove: Prove | undefined, signal: AbortSignal): Promise<Offer> {
	return new Promise<Offer>((resolve, reject) => {
		const began = performance.now();
		let ended: TwinwireError | undefined;
		let off = (): void => {};
		const settle = (): void => {
			clearTimeout(timer);
			off();
			carrier.receiver = { ...nobody, closed };
		};
		const fail = (cause: unknown): void => {
			settle();
			const error = wrapped(cause);
			carrier.close(error.cause === refused ? Code.Accepted : error.code, '');
			reject(error);
		};
		const closed = (code: number | undefined, reason: string): void => {
			ended = new TwinwireError(code || Code.Unavailable, reason || 'connection lost');
			fail(ended);
		};
		const timer = setTimeout(() => fail(new TwinwireError(Code.DeadlineExceeded)), handshakeTime);
		const answer = async (b: Uint8Array): Promise<void> => {
			const [{ kind, code, name, flags, millis, payload }, end] = parseFrame(b, 0);
			if (kind === Kind.Refuse) throw new TwinwireError(code, text(name), { retryAfter: flags & F1 ? millis : undefined, never: (flags & F2) > 0, authenticate: (flags & F3) > 0, cause: refused });
			if (kind === Kind.Challenge) {
				if (!prove) throw new TwinwireError(Code.NotImplemented, 'no proof');
				const proof = prove(payload, attempt);
				prove = undefined;
				carrier.send(0, encodeFrame(new Frame(Kind.Proof, { payload: await proof })));
				return;
			}
			must(kind === Kind.Welcome && end === b.length, 3.1);
			const welcome = decodeWelcome(payload);
			settle();
			resolve({ carrier, welcome, trip: performance.now() - began, ended: () => ended, failed: [] });
		};
		carrier.receiver = { ...nobody, closed, frames: (_, b) => void answer(b).catch(fail) };
		off = whenAborted(signal, fail);
		carrier.send(0, encodeFrame(new Frame(Kind.Hello, { payload: hello })));
	});
}
