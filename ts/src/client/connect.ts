import { Code, must, TwinwireError } from '../error.js';
import type { Binding } from '../machine/config.js';
import type { Handlers, Serve } from '../session/serve.js';
import { now } from '../session/link.js';
import { type Change, Session } from '../session/session.js';
import { Machine, resumable } from '../machine/machine.js';
import type { Carrier, Wire } from '../wires/carrier.js';
import { type WebSocketClass, webSocket } from '../wires/websocket.js';
import { webTransport } from '../wires/webtransport.js';
import { parseAddress } from './address.js';
import type { Credentials } from './credentials.js';
import { greet, refused } from './greet.js';
import type { DatagramEvents } from '../events/datagrams.js';
import { encodeHello, type HelloFields, ownWindow } from './hello.js';
import { type Storage, winner } from './memory.js';
import { type Offer, race } from './race.js';
import type { Renewal } from './renew.js';

/** How a session finds its server again. */
export interface Reconnect {
	/** The longest wait before the second try, and the longest of all, in milliseconds. Defaults 250 and 20,000. */
	first?: number;
	most?: number;
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
	/** How long the session shall wait for another carrier, in milliseconds; with 0 it ends with its carrier. Default 120,000. */
	resumeTime?: number;
	reconnect?: Reconnect;
	/** Where to remember which wire won. Default: localStorage. */
	storage?: Storage;
	/** What payloads are compressed with, if the server agrees. */
	compression?: Compression;
	/** Has events of which only the newest counts travel by datagram: datagrams of twinwire/newest. */
	datagrams?: DatagramEvents;
	/** Gives up the dial. It has no meaning once there is a session. */
	signal?: AbortSignal;
}

/** When a session on another wire looks for the best one: the longest wait before the first look, and before any, in milliseconds. */
const firstLook = 4000;
const mostLook = 600_000;
const lookTime = 5000;

const random = (): Uint8Array => crypto.getRandomValues(new Uint8Array(16));

const bindingOf = ({ welcome, carrier, trip }: Offer, told: readonly number[]): Binding => ({ ...welcome, independent: carrier.independent, trip, told });

/** Connects to a server: host, host:port, or an address with a scheme, see parseAddress. */
export async function connect(address: string, options: ConnectOptions = {}): Promise<Session> {
	const { authenticate, storage, compression, datagrams, handlers = {}, signal, onError } = options;
	const { first = 250, most = 20_000 } = options.reconnect ?? {};
	const { target, wire } = parseAddress(address);
	const socket = webSocket(options.WebSocket);
	const all = options.wires ?? (target.plaintext ? [socket] : [webTransport(options.certificates), socket]);
	const wires = wire ? all.filter((w) => w.name === wire) : all;
	if (!wires.length) throw new TwinwireError(Code.NotImplemented, 'no such wire');
	const over = new AbortController();
	let keep = options.resumeTime ?? 120_000;
	/** A token to come back with, and the attempt id that it is presented with each time (clause 14.2). */
	let token: Uint8Array | undefined;
	let attempt = random();
	/** The credentials of the newest hello, and what keeps them good. */
	let given: Credentials | undefined;
	let renewal: Renewal | undefined;
	/** Somebody dials to have the session go on: two at a time would present one token (clause 14.3). */
	let dialing = false;

	/** Runs one race, with credentials that are new, or other than those that were refused before. */
	async function dial(wires: readonly Wire[], signal: AbortSignal, resume?: HelloFields, other?: Credentials): Promise<Offer> {
		given = other ?? (await authenticate?.(false));
		const { method, credential, prove, keeper } = given ?? {};
		const hello = encodeHello({
			app: options.app,
			appv: options.version,
			client: options.client,
			features: [compression, datagrams].flatMap((f) => f?.name ?? []),
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
			winner(storage, target.host, offer.carrier.wire);
			return offer;
		} catch (err) {
			if (other || !given || !authenticate) throw err;
			return dial(wires, signal, resume, await (keeper as typeof Renewal).others(given, authenticate, err as TwinwireError));
		}
	}

	const offer = await dial(wires, signal ?? over.signal);
	const { welcome, carrier } = offer;
	const id = welcome.session;
	const wrap = (carrier: Carrier): Carrier => (compression && welcome.features.includes(compression.name) ? compression.wrap(carrier) : carrier);
	keep = welcome.keep;
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
	datagrams?.read(session);
	(Object.values(handlers)[0]?.serve as Serve | undefined)?.(link, handlers, onError);
	const keeper = given?.keeper as typeof Renewal | undefined;
	if (keeper && authenticate) renewal = new keeper(link, id, authenticate);
	/** Takes what an offer says, which the session begins or goes on with. */
	const take = ({ welcome, failed }: Offer): void => {
		token = keep ? welcome.token : undefined;
		attempt = random();
		session.fallback = failed[0];
		renewal?.expires(welcome.expires);
	};
	take(offer);

	/** Ends a wait before its time: the network is there again, or something has become of the session. */
	let wake = (): void => {};
	const pause = (ms: number): Promise<void> =>
		new Promise((resolve) => {
			const timer = setTimeout(resolve, ms);
			wake = () => {
				clearTimeout(timer);
				resolve();
			};
		});
	globalThis.addEventListener?.('online', () => wake(), { signal: over.signal });

	/** Has the session go on over the wires. */
	async function resume(wires: readonly Wire[], signal: AbortSignal): Promise<void> {
		dialing = true;
		try {
			const nexts = link.machine.lanes.map((l) => l.next);
			const offer = await dial(wires, signal, { session: id, token, nexts, features: undefined, connect: undefined });
			const { welcome, carrier } = offer;
			const ended = offer.ended() ?? session.error;
			if (ended || !welcome.nexts.length || !resumable(link.machine)) {
				carrier.close(Code.Replaced, '');
				throw ended ?? new TwinwireError(Code.Unavailable);
			}
			take(offer);
			link.rebind(wrap(carrier), bindingOf(offer, nexts));
		} finally {
			dialing = false;
		}
	}

	/** Has a session without a carrier go on over any wire (clause 14), and one that runs on another than the best over that. */
	async function seek(change: Change): Promise<void> {
		const detached = change.phase === 'detached';
		const expired = detached ? setTimeout(() => link.end(new TwinwireError(Code.Unavailable, 'connection lost', { cause: change.error })), keep) : undefined;
		const [shortest, longest] = detached ? [first, most] : [firstLook, mostLook];
		let advice = 0;
		for (let n = detached ? -1 : 0; session.change === change; n++) {
			if (n >= 0) await pause(Math.max(advice, Math.random() * Math.min(longest, shortest * 2 ** n)));
			if (session.change !== change) break;
			if (dialing || (!detached && session.fallback?.code === Code.NotImplemented)) continue;
			try {
				await (detached ? resume(wires, over.signal) : resume(wires.slice(0, 1), AbortSignal.any([over.signal, AbortSignal.timeout(lookTime)])));
			} catch (err) {
				const { cause, retryAfter, never } = err as TwinwireError;
				advice = retryAfter ?? 0;
				if (!detached) session.fallback = err as TwinwireError;
				else if (cause === refused && (retryAfter === undefined || never)) link.end(err as TwinwireError);
			}
		}
		clearTimeout(expired);
	}

	const changed = (change: Change): void => {
		wake();
		if (change.phase === 'ended') {
			over.abort();
			renewal?.expires(Infinity);
		} else if (!change.wire || (change.wire !== wires[0]?.name && token)) void seek(change);
	};
	session.onChange(changed);
	changed(session.change);
	return session;
}
