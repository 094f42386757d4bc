import { Code, TwinwireError } from '../error.js';
import { Kind } from '../frame/layout.js';
import type { Session } from '../session/session.js';
import { type Credentials, credentialBytes } from './credentials.js';
import { decodeExpiry, encodeRenewal } from './hello.js';

/** How long before their end credentials are renewed: a tenth of their time, at least this many milliseconds, and at most half. */
const margin = 10_000;

/** Keeps the credentials of a session good (clauses 15.7 and 15.8). */
export class Renewal {
	private timer: ReturnType<typeof setTimeout> | undefined;
	/** Those that were sent and that the server has not answered for. */
	private sent: Credentials | undefined;
	/** They were refused once in this renewal. */
	private again = false;

	constructor(
		private readonly session: () => Session,
		private readonly id: Uint8Array,
		private readonly authenticate: (again: boolean) => Credentials | Promise<Credentials>,
	) {}

	/** Takes note of for how long credentials are good, and that a renewal on an earlier carrier is over. */
	expires(ms: number | undefined): void {
		clearTimeout(this.timer);
		this.sent = undefined;
		this.again = false;
		if (ms === undefined) return;
		const left = ms - Math.min(Math.max(ms / 10, margin), ms / 2);
		this.timer = setTimeout(() => void this.renew(), Math.min(left, 2 ** 31 - 1));
	}

	end(): void {
		clearTimeout(this.timer);
	}

	/** Sends new credentials. Without any the session ends in time. */
	private async renew(): Promise<void> {
		const { link } = this.session();
		const { binding } = link.machine;
		const credentials = await Promise.resolve(this.authenticate(this.again)).catch(() => undefined);
		// A session without a carrier brings credentials when it goes on.
		if (!credentials || link.machine.binding !== binding || !link.carrier) return;
		this.sent = credentials;
		link.machine.control.renewal.push({ kind: Kind.Hello, payload: encodeRenewal(credentials.method, credentialBytes(credentials)) });
		link.kick();
	}

	/** Takes the answer of the server. */
	async receive(kind: number, payload: Uint8Array): Promise<void> {
		const { link } = this.session();
		const { sent } = this;
		try {
			if (!sent || (kind === Kind.Challenge && !sent.prove)) throw new TwinwireError(Code.ProtocolError, 'handshake frame after the handshake');
			if (kind === Kind.Welcome) return this.expires(decodeExpiry(payload));
			if (kind === Kind.Challenge && sent.prove) {
				const proof = await sent.prove(payload, this.id);
				if (this.sent === sent) link.machine.control.renewal.push({ kind: Kind.Proof, payload: proof });
				link.kick();
				return;
			}
			this.sent = undefined;
			if (this.again) return; // it ends in time
			this.again = true;
			await this.renew();
		} catch (err) {
			link.end(err instanceof TwinwireError ? err : new TwinwireError(Code.Internal, 'credentials could not be renewed', { cause: err }));
		}
	}
}
