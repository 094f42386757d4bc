import type { Value } from '../codec/value.js';
import { Code, TwinwireError } from '../error.js';
import type { Binding } from '../machine/config.js';
import type { Handlers } from '../session/serve.js';
import { type Change, Session } from '../session/session.js';
import type { Target, Wire } from '../wires/carrier.js';
import { type WebSocketClass, webSocket } from '../wires/websocket.js';
import { webTransport } from '../wires/webtransport.js';
import { parseAddress } from './address.js';
import { type Credentials, credentialBytes } from './credentials.js';
import { greet, type Offer, refused } from './greet.js';
import { encodeHello, ownWindow, type Welcome } from './hello.js';
import { lastWinner, platformStorage, rememberWinner, type Storage } from './memory.js';
import { race } from './race.js';
import { Renewal } from './renew.js';

/** How a session finds its server again. */
export interface Reconnect {
	/** Sessions end with their carrier. */
	never?: boolean;
	/** The longest wait before the second try, and the longest of all, in milliseconds. Defaults 250 and 20,000. */
	first?: number;
	most?: number;
	/** How often is tried after each loss. Default: as long as the server keeps the session. */
	tries?: number;
}

export interface ConnectOptions {
	/** The application's name and compatibility version; a server that has others refuses. */
	app?: string;
	version?: string;
	/** A name by which this client wants to be known. It proves nothing. */
	client?: string;
	/** What the server gets with the session. */
	connect?: Value;
	/** Asked for credentials before each hello and before they expire; again with true if those before were refused. */
	authenticate?: (again: boolean) => Credentials | Promise<Credentials>;
	/** What the server may call. */
	handlers?: Handlers;
	/** Told of handlers that failed with an error without a code. Default: console.error. */
	onError?: (err: unknown, method: string) => void;
	/** The wires to race, the best one first. Default: WebTransport and WebSocket, as far as the platform has them. */
	wires?: readonly Wire[];
	/** The WebSocket class, where the platform has none (Node 20). */
	WebSocket?: WebSocketClass;
	/** SHA-256 of certificates to trust without an authority, for WebTransport. */
	certificates?: readonly Uint8Array[];
	/** Milliseconds that WebSocket waits for WebTransport. Default 200. */
	headStart?: number;
	/** How long the session shall wait for another carrier, in milliseconds. Default 120,000. */
	resumeTime?: number;
	reconnect?: Reconnect;
	/** Where to remember which wire won. Default: localStorage. */
	storage?: Storage;
	/** Gives up the dial. It has no meaning once there is a session. */
	signal?: AbortSignal;
}

/** When a session on WebSocket looks for WebTransport: first, and at most between two looks, in milliseconds. */
const firstLook = 2000;
const mostLook = 300_000;
const lookTime = 5000;

const random = (n: number): Uint8Array => crypto.getRandomValues(new Uint8Array(n));
const hex = (b: Uint8Array): string => Array.from(b, (v) => v.toString(16).padStart(2, '0')).join('');

/** Connects to a server: host, host:port, or an address with a scheme, see parseAddress. */
export async function connect(address: string, options: ConnectOptions = {}): Promise<Session> {
	return new Dialer(address, options).connect();
}

/** A token to come back with, and the attempt id that it is presented with each time (clause 14.2). */
interface Return {
	readonly token: Uint8Array;
	readonly attempt: Uint8Array;
}

/** Dials one server, again and again if need be. */
class Dialer {
	private readonly target: Target;
	private readonly wires: readonly Wire[];
	private readonly storage: Storage | undefined;
	private session: Session | undefined;
	private sessionId = random(0);
	private renewal: Renewal | undefined;
	private back: Return | undefined;
	private keep: number;
	/** Somebody dials to have the session go on: two at a time would present one token (clause 14.3). */
	private dialing = false;
	private readonly over = new AbortController();

	constructor(
		address: string,
		private readonly options: ConnectOptions,
	) {
		const { target, wire } = parseAddress(address);
		this.target = target;
		const all = options.wires ?? [...(typeof WebTransport === 'undefined' || target.plaintext ? [] : [webTransport(options.certificates)]), webSocket(options.WebSocket)];
		this.wires = wire ? all.filter((w) => w.name === wire) : all;
		if (this.wires.length === 0) throw new TwinwireError(Code.NotImplemented, 'this platform does not have that wire');
		this.storage = options.storage ?? platformStorage();
		this.keep = options.reconnect?.never ? 0 : (options.resumeTime ?? 120_000);
	}

	async connect(): Promise<Session> {
		const { signal } = this.options;
		const offer = await this.dial(this.wires, random(16), signal ?? new AbortController().signal);
		const { welcome, carrier } = offer;
		this.sessionId = welcome.session as Uint8Array<ArrayBuffer>;
		this.keep = welcome.keep;
		this.renew(welcome);
		const { onError, authenticate } = this.options;
		const renewal = new Renewal(() => session, welcome.session, authenticate ?? (() => Promise.reject(new TwinwireError(Code.Unauthorized))));
		const session = new Session(
			{
				id: hex(welcome.session),
				machine: { own: ownWindow, peer: welcome.window, lanes: welcome.lanes, keeps: welcome.keep > 0, binding: bindingOf(offer, []) },
				handlers: this.options.handlers ?? {},
				failed: onError ?? ((err, method) => console.error(`twinwire: ${method} failed`, err)),
				renewal: (kind, payload) => void renewal.receive(kind, payload),
			},
			carrier,
		);
		this.session = session;
		this.renewal = renewal;
		renewal.expires(welcome.expires);
		session.onChange((c) => this.changed(c));
		this.changed(session.change);
		return session;
	}

	/** Runs one race, and asks once more for credentials that were refused (clause 15.4). */
	private async dial(wires: readonly Wire[], attempt: Uint8Array, signal: AbortSignal, told?: readonly number[]): Promise<Offer> {
		const { authenticate } = this.options;
		let credentials = await authenticate?.(false);
		const run = async (): Promise<Offer> => {
			const now = credentials;
			const payload = encodeHello({
				app: this.options.app ?? '',
				version: this.options.version ?? '',
				client: this.options.client ?? '',
				connect: told ? undefined : this.options.connect,
				attempt,
				keep: this.keep,
				resume: told && this.back ? { session: this.sessionId, token: this.back.token, nexts: told } : undefined,
				auth: now?.method,
				cred: now && credentialBytes(now),
			});
			const first = wires[0];
			const won = lastWinner(this.storage, this.target.host);
			const headStart = told || (won !== undefined && won !== first?.name) ? 0 : (this.options.headStart ?? 200);
			const offer = await race({ target: this.target, wires, headStart, greet: (carrier, stop) => greet(carrier, payload, attempt, now?.prove, stop) }, signal);
			if (wires.length > 1) rememberWinner(this.storage, this.target.host, offer.carrier.wire);
			return offer;
		};
		try {
			return await run();
		} catch (err) {
			if (!authenticate || !(err instanceof TwinwireError) || !err.authenticate) throw err;
			const before = credentials;
			credentials = await authenticate(true);
			if (String(before?.credential) === String(credentials.credential)) throw err;
			return run();
		}
	}

	private renew(welcome: Welcome): void {
		this.back = welcome.token && { token: welcome.token, attempt: random(16) };
	}

	private changed(c: Change): void {
		if (c.phase === 'ended') {
			this.over.abort();
			this.renewal?.end();
		} else if (c.phase === 'detached') void this.reconnect(c.error);
		else if (c.wire === 'websocket' && this.wires[0]?.name !== 'websocket' && this.back) void this.look();
	}

	/** Has the session go on over the wires. */
	private async resume(wires: readonly Wire[], signal: AbortSignal): Promise<void> {
		const { session, back } = this;
		if (!session || !back) throw new TwinwireError(Code.FailedPrecondition, 'session cannot go on');
		const told = session.link.machine.lanes.map((l) => l.next);
		const offer = await this.dial(wires, back.attempt, signal, told);
		const { welcome, carrier } = offer;
		const ended = offer.ended();
		if (ended || !welcome.nexts || session.error || !session.link.machine.resumable) {
			carrier.close(Code.Replaced, '');
			throw ended ?? session.error ?? new TwinwireError(Code.ProtocolError, 'server sent a welcome that makes no sense');
		}
		this.renew(welcome);
		session.link.rebind(carrier, bindingOf(offer, told));
		this.renewal?.expires(welcome.expires);
	}

	/** Looks for the server until the session goes on, or is over (clause 14). */
	private async reconnect(cause: TwinwireError | undefined): Promise<void> {
		const { session, over } = this;
		const { first = 250, most = 20_000, tries = Infinity } = this.options.reconnect ?? {};
		if (!session) return;
		const expired = setTimeout(() => session.link.end(new TwinwireError(Code.Unavailable, `connection lost, and not found again within ${this.keep} ms`, { cause })), this.keep);
		const detached = (): boolean => session.change.phase === 'detached';
		for (let n = 1; detached(); n++) {
			let wait = Math.random() * Math.min(most, first * 2 ** (n - 1));
			if (!this.dialing) {
				this.dialing = true;
				try {
					await this.resume(this.wires, over.signal);
				} catch (err) {
					const e = err as TwinwireError;
					if (e.cause === refused && (e.retryAfter === undefined || e.never)) session.link.end(e);
					else if (n >= tries) session.link.end(new TwinwireError(Code.Unavailable, 'connection lost, and not found again', { cause: err }));
					else if (!(err instanceof TwinwireError)) session.link.end(new TwinwireError(Code.Internal, 'session could not go on', { cause: err }));
					wait = Math.max(wait, e.retryAfter ?? 0);
				} finally {
					this.dialing = false;
				}
			}
			if (detached()) await pause(wait, over.signal);
		}
		clearTimeout(expired);
	}

	/** Looks for the better wire while the session runs on another, and moves there. */
	private async look(): Promise<void> {
		const { session, over } = this;
		if (!session) return;
		const { change } = session;
		for (let wait = firstLook; ; wait = Math.min(2 * wait, mostLook)) {
			await pause(wait / 2 + Math.random() * wait, over.signal);
			if (session.change !== change) return;
			if (this.dialing) continue;
			this.dialing = true;
			try {
				await this.resume(this.wires.slice(0, 1), AbortSignal.any([over.signal, AbortSignal.timeout(lookTime)]));
				return;
			} catch {
				// There is another look.
			} finally {
				this.dialing = false;
			}
		}
	}
}

const bindingOf = ({ welcome, carrier, trip }: Offer, told: readonly number[]): Binding => ({
	generation: welcome.generation,
	independent: carrier.independent,
	heartbeat: welcome.ping,
	trip,
	nexts: welcome.nexts ?? [],
	told,
});

/** Waits, at most until the network is there again or the session is over. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
	new Promise((resolve) => {
		const done = (): void => {
			clearTimeout(timer);
			signal.removeEventListener('abort', done);
			globalThis.removeEventListener?.('online', done);
			resolve();
		};
		const timer = setTimeout(done, ms);
		signal.addEventListener('abort', done);
		globalThis.addEventListener?.('online', done);
		if (signal.aborted) done();
	});
