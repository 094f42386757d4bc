import { Code, must, TwinwireError, whenAborted } from '../error.js';
import type { Binding } from '../machine/config.js';
import type { Handlers, Serve } from '../session/serve.js';
import { now } from '../session/link.js';
import { type Change, Session } from '../session/session.js';
import { Machine } from '../machine/machine.js';
import type { Carrier, Wire } from '../wires/carrier.js';
import { type WebSocketClass, webSocket } from '../wires/websocket.js';
import { webTransport } from '../wires/webtransport.js';
import { parseAddress } from './address.js';
import type { Credentials } from './credentials.js';
import { greet, type Offer, refused } from './greet.js';
import { encodeHello, type HelloFields, ownWindow, type Welcome } from './hello.js';
import { type Storage, winner } from './memory.js';
import { race } from './race.js';
import type { Renew, Renewal } from './renew.js';

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

/** A way to compress payloads: deflate of twinwire/compress. */
export interface Compression {
	/** The feature of clause 16.1. */
	readonly name: string;
	/** Returns a carrier that compresses what goes over another, and inflates what comes. */
	wrap(carrier: Carrier): Carrier;
}

export interface ConnectOptions {
	/** The application's name and compatibility version; a server that has others refuses. */
	app?: string;
	version?: string;
	/** A name by which this client wants to be known. It proves nothing. */
	client?: string;
	/** What the server gets with the session: one value, see encode of twinwire/codec. */
	connect?: Uint8Array;
	/** Asked for credentials (token, secret, credentials) before each hello and before they expire; again with true if those before were refused. */
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
	/** What payloads are compressed with, if the server agrees. */
	compression?: Compression;
	/** Gives up the dial. It has no meaning once there is a session. */
	signal?: AbortSignal;
}

/** When a session on another wire looks for the best one: first, and at most between two looks, in milliseconds. */
const firstLook = 2000;
const mostLook = 300_000;
const lookTime = 5000;

const random = (): Uint8Array => crypto.getRandomValues(new Uint8Array(16));

const bindingOf = ({ welcome, carrier, trip }: Offer, told: readonly number[]): Binding => ({ generation: welcome.gen, independent: carrier.independent, heartbeat: welcome.ping, trip, nexts: welcome.nexts, told });

/** Connects to a server: host, host:port, or an address with a scheme, see parseAddress. */
export async function connect(address: string, options: ConnectOptions = {}): Promise<Session> {
	const { authenticate, storage, compression, handlers = {}, signal, onError } = options;
	const { first = 250, most = 20_000, tries = Infinity, never } = options.reconnect ?? {};
	const { target, wire } = parseAddress(address);
	const socket = webSocket(options.WebSocket);
	const all = options.wires ?? (target.plaintext ? [socket] : [webTransport(options.certificates), socket]);
	const wires = wire ? all.filter((w) => w.name === wire) : all;
	if (!wires.length) throw new TwinwireError(Code.NotImplemented, 'no such wire');
	const over = new AbortController();
	let keep = never ? 0 : (options.resumeTime ?? 120_000);
	/** A token to come back with, and the attempt id that it is presented with each time (clause 14.2). */
	let token: Uint8Array | undefined;
	let attempt = random();
	/** The credentials of the newest hello, and what keeps them good. */
	let given: Credentials | undefined;
	let renewal: Renewal | undefined;
	/** Somebody dials to have the session go on: two at a time would present one token (clause 14.3). */
	let dialing = false;

	/** Runs one race, and asks once more for credentials that were refused (clause 15.4). */
	async function dial(wires: readonly Wire[], signal: AbortSignal, resume?: HelloFields): Promise<Offer> {
		let refusal: TwinwireError | undefined;
		let before = '';
		for (;;) {
			given = await authenticate?.(!!refusal);
			if (refusal && before === String(given?.credential)) throw refusal;
			const { method, credential, prove } = given ?? {};
			const hello = encodeHello({
				app: options.app ?? '',
				appv: options.version ?? '',
				client: options.client,
				features: [...(compression ? [compression.name] : []), 'latest'],
				connect: options.connect,
				attempt,
				keep,
				auth: method,
				cred: credential,
				...resume,
			});
			const won = winner(storage, target.host);
			const headStart = resume || (won && won !== wires[0]?.name) ? 0 : (options.headStart ?? 200);
			try {
				const offer = await race({ target, wires, headStart, greet: (carrier, stop) => greet(carrier, hello, attempt, prove, stop) }, signal);
				if (wires.length > 1) winner(storage, target.host, offer.carrier.wire);
				return offer;
			} catch (err) {
				if (refusal || !credential || !(err instanceof TwinwireError && err.authenticate)) throw err;
				refusal = err;
				before = String(credential);
			}
		}
	}

	function renew({ keep, token: next }: Welcome): void {
		token = keep ? next : undefined;
		attempt = random();
	}

	const offer = await dial(wires, signal ?? over.signal);
	const { welcome, carrier } = offer;
	const id = welcome.session;
	const wrap = (carrier: Carrier): Carrier => (compression && welcome.features.includes(compression.name) ? compression.wrap(carrier) : carrier);
	keep = welcome.keep;
	renew(welcome);
	const session: Session = new Session(
		Array.from(id, (v) => v.toString(16).padStart(2, '0')).join(''),
		wrap(carrier),
		(listener) => new Machine(ownWindow, welcome, welcome.lanes, keep > 0, bindingOf(offer, []), listener, now()),
		(kind, payload) => {
			must(renewal, 15.8);
			void renewal.receive(kind, payload);
		},
	);
	const { link } = session;
	session.fallback = offer.failed[0];
	(Object.values(handlers)[0]?.serve as Serve | undefined)?.(link, handlers, onError);
	renewal = authenticate && (given?.renew as Renew | undefined)?.(link, id, authenticate);
	renewal?.expires(welcome.expires);

	/** Has the session go on over the wires. */
	async function resume(wires: readonly Wire[], signal: AbortSignal): Promise<void> {
		dialing = true;
		try {
			if (!token) throw new TwinwireError(Code.FailedPrecondition);
			const nexts = link.machine.lanes.map((l) => l.next);
			const offer = await dial(wires, signal, { session: id, token, nexts, features: undefined, connect: undefined });
			const { welcome, carrier } = offer;
			const ended = offer.ended() ?? session.error;
			if (ended || !welcome.nexts.length || !link.machine.resumable) {
				carrier.close(Code.Replaced, '');
				throw ended ?? new TwinwireError(Code.Unavailable);
			}
			renew(welcome);
			session.fallback = offer.failed[0];
			link.rebind(wrap(carrier), bindingOf(offer, nexts));
			renewal?.expires(welcome.expires);
		} finally {
			dialing = false;
		}
	}

	/** Has a session without a carrier go on over any wire (clause 14), and one that runs on another than the best over that. */
	async function seek(change: Change): Promise<void> {
		const detached = change.phase === 'detached';
		const lost = (cause: unknown): void => link.end(new TwinwireError(Code.Unavailable, 'connection lost', { cause }));
		const expired = detached ? setTimeout(lost, keep, change.error) : undefined;
		let advice = 0;
		for (let n = detached ? -1 : 0; session.change === change; n++) {
			if (n >= 0) await pause(Math.max(advice, detached ? Math.random() * Math.min(most, first * 2 ** n) : (Math.random() + 0.5) * Math.min(mostLook, firstLook * 2 ** n)), over.signal);
			if (session.change !== change) break;
			if (dialing || (!detached && session.fallback?.code === Code.NotImplemented)) continue;
			try {
				await (detached ? resume(wires, over.signal) : resume(wires.slice(0, 1), AbortSignal.any([over.signal, AbortSignal.timeout(lookTime)])));
			} catch (err) {
				const { cause, retryAfter, never } = err as TwinwireError;
				advice = retryAfter ?? 0;
				if (!detached) session.fallback = err as TwinwireError;
				else if (cause === refused && (retryAfter === undefined || never)) link.end(err as TwinwireError);
				else if (n + 2 >= tries || !(err instanceof TwinwireError)) lost(err);
			}
		}
		clearTimeout(expired);
	}

	const changed = (change: Change): void => {
		if (change.phase === 'ended') {
			over.abort();
			renewal?.expires(Infinity);
		} else if (!change.wire || (change.wire !== wires[0]?.name && token)) void seek(change);
	};
	session.onChange(changed);
	changed(session.change);
	return session;
}

/** Waits, at most until the network is there again or the session is over. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
	new Promise((resolve) => {
		let off = (): void => {};
		const done = (): void => {
			clearTimeout(timer);
			off();
			globalThis.removeEventListener?.('online', done);
			resolve();
		};
		const timer = setTimeout(done, ms);
		globalThis.addEventListener?.('online', done);
		off = whenAborted(signal, done);
	});
