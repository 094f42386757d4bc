import { Code, must, type TwinwireError, wrapped } from '../error.js';
import { Frame } from '../frame/frame.js';
import { Kind } from '../frame/layout.js';
import { type Link, longest } from '../session/link.js';
import type { Credentials } from './credentials.js';
import { decodeExpiry, encodeRenewal } from './hello.js';

/** How long before their end credentials are renewed: a tenth of their time, at least this many milliseconds, and at most half. */
const margin = 10_000;

/** Asks for credentials, again with true if those before were refused. */
export type Authenticate = (again: boolean) => Credentials | Promise<Credentials>;

/** Keeps the credentials of a session good (clauses 15.7 and 15.8). */
export class Renewal {
	/** Returns others than the credentials that were refused (clause 15.4). It throws the refusal if there are none. */
	static async others(given: Credentials, authenticate: Authenticate, refusal: TwinwireError): Promise<Credentials> {
		const other = refusal.authenticate ? await authenticate(true) : given;
		if (String(other.credential) === String(given.credential)) throw refusal;
		return other;
	}

	private timer: ReturnType<typeof setTimeout> | undefined;
	/** Those that were sent and that the server has not answered for. */
	private sent: Credentials | undefined;
	/** They were refused once in this renewal. */
	private again = false;

	constructor(
		private readonly link: Link,
		private readonly id: Uint8Array,
		private readonly authenticate: Authenticate,
	) {}

	/** Takes note of for how long credentials are good, if they are to be renewed, and that a renewal on an earlier carrier is over. */
	expires(ms: number): void {
		clearTimeout(this.timer);
		this.sent = undefined;
		this.again = false;
		if (ms === Infinity) return;
		const left = ms - Math.min(Math.max(ms / 10, margin), ms / 2);
		this.timer = setTimeout(() => void this.renew(), Math.min(left, longest));
	}

	private send(kind: Kind, payload: Uint8Array): void {
		this.link.machine.control.push(new Frame(kind, { payload }));
		this.link.kick();
	}

	/** Sends new credentials. Without any the session ends in time. */
	private async renew(): Promise<void> {
		const { carrier } = this.link;
		try {
			const credentials = await this.authenticate(this.again);
			// A session without a carrier brings credentials when it goes on.
			if (!carrier || this.link.carrier !== carrier) return;
			this.sent = credentials;
			this.send(Kind.Hello, encodeRenewal(credentials.method, credentials.credential));
		} catch {
			// It ends in time.
		}
	}

	/** Takes the answer of the server. */
	async receive(kind: number, payload: Uint8Array): Promise<void> {
		const { sent } = this;
		try {
			must(sent, 15.8);
			if (kind === Kind.Welcome) this.expires(decodeExpiry(payload));
			else if (kind === Kind.Challenge) {
				must(sent.prove, 15.2);
				const proof = await sent.prove(payload, this.id);
				if (this.sent === sent) this.send(Kind.Proof, proof);
			} else {
				this.sent = undefined;
				if (this.again) return; // it ends in time
				this.again = true;
				await this.renew();
			}
		} catch (cause) {
			this.link.end(wrapped(cause, Code.Internal, 'credentials could not be renewed'));
		}
	}
}
