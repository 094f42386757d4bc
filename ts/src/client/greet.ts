import { Code, must, TwinwireError, whenAborted, wrapped } from '../error.js';
import { encodeFrame, Frame, parseFrame, retryAfter } from '../frame/frame.js';
import { F2, F3, Kind } from '../frame/layout.js';
import { text } from '../frame/varint.js';
import { now } from '../session/link.js';
import { type Carrier, nobody } from '../wires/carrier.js';
import { decodeWelcome, type Welcome } from './hello.js';

/** How long a handshake may take, in milliseconds (clause 3.1). */
const handshakeTime = 5000;

/** A carrier whose server has welcomed this client, and on which nothing has begun. */
export interface Greeting {
	readonly carrier: Carrier;
	readonly welcome: Welcome;
	/** Milliseconds from the hello to the answer. */
	readonly trip: number;
	/** It has ended meanwhile. */
	readonly ended: () => TwinwireError | undefined;
}

/** Answers a CHALLENGE (clause 15.3). The id is that of the attempt, or of the session in a renewal. */
export type Prove = (challenge: Uint8Array, id: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/** The cause of errors that a server gave as its answer to a hello. */
export const refused = 'refused';

/** Says hello on a carrier, and waits for the answer. After an error the carrier is closed. */
export async function greet(carrier: Carrier, hello: Uint8Array, attempt: Uint8Array, prove: Prove | undefined, signal: AbortSignal): Promise<Greeting> {
	const began = now();
	let ended: TwinwireError | undefined;
	let timer: ReturnType<typeof setTimeout> | undefined;
	let off = (): void => {};
	const say = (kind: Kind, payload: Uint8Array): void => carrier.send(0, encodeFrame(new Frame(kind, { payload })));
	/** Takes what the server says: it is welcome, or a challenge. */
	const answer = async (b: Uint8Array): Promise<Greeting | undefined> => {
		const [f, end] = parseFrame(b, 0);
		const { kind, code, name, flags, payload } = f;
		if (kind === Kind.Refuse) throw new TwinwireError(code, text(name), { retryAfter: retryAfter(f), never: (flags & F2) > 0, authenticate: (flags & F3) > 0, cause: refused });
		if (kind === Kind.Challenge && prove) {
			const proof = prove(payload, attempt);
			prove = undefined;
			say(Kind.Proof, await proof);
			return undefined;
		}
		must(kind === Kind.Welcome && end === b.length, 3.1);
		return { carrier, welcome: decodeWelcome(payload), trip: now() - began, ended: () => ended };
	};
	try {
		return await new Promise<Greeting>((resolve, reject) => {
			carrier.receiver = {
				...nobody,
				frames: (_, b) => void answer(b).then((offer) => offer && resolve(offer), reject),
				closed: (code, reason) => reject((ended = new TwinwireError(code || Code.Unavailable, reason || 'connection lost'))),
			};
			timer = setTimeout(() => reject(new TwinwireError(Code.DeadlineExceeded)), handshakeTime);
			off = whenAborted(signal, reject);
			say(Kind.Hello, hello);
		});
	} catch (cause) {
		const error = wrapped(cause);
		carrier.close(error.code, '');
		throw error;
	} finally {
		clearTimeout(timer);
		off();
	}
}
