import { decode, encode, type Type, value } from '../codec/types.js';
import type { Value } from '../codec/value.js';
import { aborted, Code, TwinwireError } from '../error.js';
import { encodeMetadata, type Metadata } from '../frame/metadata.js';
import { Call, idempotent, type Outcome, unordered } from '../machine/calls.js';
import type { Config, Listener } from '../machine/config.js';
import { Machine } from '../machine/machine.js';
import type { Carrier } from '../wires/carrier.js';
import { Events } from './events.js';
import { type Source, StreamReader, StreamWriter } from './exchange.js';
import { cancelable, Mailbox } from './iterate.js';
import { Link } from './link.js';
import { type Handlers, Server } from './serve.js';
import { type View, Views } from './view.js';

const none = new Uint8Array(0);

/** A method of the peer. Without types it takes and returns any Value. */
export interface Method<A = Value, R = Value> {
	readonly name: string;
	/** Undefined for a method without arguments, or without a result. */
	readonly args: Type<A> | undefined;
	readonly result: Type<R> | undefined;
}

/** Describes a method. */
export const method = <A = void, R = void>(name: string, args?: Type<A>, result?: Type<R>): Method<A, R> => ({ name, args, result });

const untyped = (name: string): Method => ({ name, args: value, result: value });

export interface CallOptions {
	/** Ends the wait; the callee is told. */
	signal?: AbortSignal | undefined;
	/** Milliseconds that the call may take. The deadline travels with it (clause 6.4). */
	timeout?: number | undefined;
	metadata?: Metadata | undefined;
	/** The call may start before those that were made earlier, and may run twice without harm. */
	unordered?: boolean;
	idempotent?: boolean;
	/** What the call sends beside its arguments: values or bytes. */
	source?: Source | undefined;
	/** Called with the metadata of the answer, before the call returns. */
	answered?: (metadata: Metadata) => void;
}

/** What becomes of a session. */
export interface Change {
	/** It runs on a carrier; it has lost it and looks for another; it goes on with another; the server is about to end it; it is over. */
	readonly phase: 'connected' | 'detached' | 'resumed' | 'leaving' | 'ended';
	/** The wire, '' without one. */
	readonly wire: string;
	/** Why, where it was lost or ended. */
	readonly error: TwinwireError | undefined;
	/** Within how many milliseconds the server ends the session, and after how many more to come back, where it said so: for leaving. */
	readonly within?: number | undefined;
	readonly retryAfter?: number | undefined;
}

/** What a session is made of. */
export interface SessionConfig {
	readonly id: string;
	readonly machine: Omit<Config, 'listener'>;
	readonly handlers: Handlers;
	readonly failed: (err: unknown, method: string) => void;
	readonly renewal: Listener['renewal'];
}

/** A call with streams that is under way. */
interface Exchange {
	readonly call: Call;
	readonly result: Promise<Outcome>;
	cancel(): void;
}

/** The conversation with a server. It outlives its carriers. */
export class Session implements AsyncDisposable {
	readonly id: string;
	/** Fulfilled when the session is over, with why. */
	readonly closed: Promise<TwinwireError>;
	/** What has become of it last. */
	change: Change;
	/** For who dials; not for programs. */
	readonly link: Link;
	private readonly all = new Events();
	private readonly views = new Views();
	private readonly steps = new Set<(c: Change) => void>();

	constructor(config: SessionConfig, carrier: Carrier) {
		this.id = config.id;
		const listener: Listener = {
			state: (name, change, version, payload) => {
				try {
					this.views.receive(name, change, version, payload);
				} catch (cause) {
					this.link.end(new TwinwireError(Code.ProtocolError, 'state cannot be read', { cause }));
				}
			},
			event: (t, kind, type, missed, payload) => this.all.receive(t, kind, type, missed, payload),
			serve: (call) => server.serve(call),
			renewal: config.renewal,
			leaving: (within, retryAfter) => this.step('leaving', undefined, { within, retryAfter }),
		};
		let over: (why: TwinwireError) => void;
		this.closed = new Promise((resolve) => (over = resolve));
		this.link = new Link(new Machine({ ...config.machine, listener }, performance.now()), {
			detached: (cause) => this.step('detached', cause),
			resumed: () => this.step('resumed'),
			ended: (cause) => {
				this.all.end();
				this.views.end(cause);
				this.step('ended', cause);
				over(cause);
			},
		});
		const server = new Server(this.link, config.handlers, config.failed);
		this.change = { phase: 'connected', wire: carrier.wire, error: undefined };
		this.link.attach(carrier);
	}

	private step(phase: Change['phase'], error?: TwinwireError, said?: Pick<Change, 'within' | 'retryAfter'>): void {
		this.change = { phase, wire: this.link.carrier?.wire ?? '', error, ...said };
		for (const f of [...this.steps]) f(this.change);
	}

	/** Why the session is over, undefined while it lives. */
	get error(): TwinwireError | undefined {
		return this.link.error;
	}

	/** Has f called with what becomes of the session, until the function that is returned is called. */
	onChange(f: (c: Change) => void): () => void {
		this.steps.add(f);
		return () => this.steps.delete(f);
	}

	/** Yields what has become of the session last, and what becomes of it; the end is the last. */
	lifecycle(signal?: AbortSignal): AsyncIterableIterator<Change> & AsyncDisposable {
		const box = new Mailbox<Change>();
		const put = (c: Change): void => {
			box.push(c);
			if (c.phase === 'ended') box.end();
		};
		put(this.change);
		return box.iterate(signal, this.onChange(put));
	}

	/** Makes a call. It rejects with a TwinwireError: the callee's, or what became of the call (clause 8.3). */
	call(name: string, args?: Value, options?: CallOptions): Promise<Value>;
	call<A, R>(method: Method<A, R>, args: A, options?: CallOptions): Promise<R>;
	async call<A, R>(m: string | Method<A, R>, args?: A | Value, options: CallOptions = {}): Promise<R | Value> {
		const { name, args: type, result } = (typeof m === 'string' ? untyped(m) : m) as Method<unknown, unknown>;
		const x = this.begin(name, payloadOf(type, args), options, false);
		const sent = this.send_(x, options.source);
		const outcome = await both(sent, x.result);
		options.answered?.(outcome.metadata);
		if (!result) return undefined as R;
		return (outcome.payload.length > 0 ? decode(result, outcome.payload) : typeof m === 'string' ? null : result.zero()) as R;
	}

	/** Sends a message, which has no answer. It resolves when it was sent. */
	send(name: string, args?: Value, options?: CallOptions): Promise<void>;
	send<A>(method: Method<A, void>, args: A, options?: CallOptions): Promise<void>;
	async send<A>(m: string | Method<A, void>, args?: A | Value, options: CallOptions = {}): Promise<void> {
		const { name, args: type } = (typeof m === 'string' ? untyped(m) : m) as Method<unknown, unknown>;
		await this.begin(name, payloadOf(type, args), options, false, true).result;
	}

	/** Calls a method that answers with values, and yields them. Leaving the loop cancels the call; its error comes last. */
	values(name: string, args?: Value, options?: CallOptions): AsyncIterableIterator<Value> & AsyncDisposable;
	values<A, R>(method: Method<A, R>, args: A, options?: CallOptions): AsyncIterableIterator<R> & AsyncDisposable;
	values<A, R>(m: string | Method<A, R>, args?: A | Value, options: CallOptions = {}): AsyncIterableIterator<R> & AsyncDisposable {
		const { name, args: type, result } = (typeof m === 'string' ? untyped(m) : m) as Method<unknown, R>;
		let x: Exchange | undefined;
		let left = false;
		const run = async function* (s: Session): AsyncGenerator<R, void, undefined> {
			if (left) return;
			x = s.begin(name, payloadOf(type, args), options, true);
			const sent = s.send_(x, options.source);
			const r = s.reader(x);
			try {
				try {
					yield* r.values(result as Type<R>);
				} catch (err) {
					if (!r.error) x.cancel();
					else await both(sent, x.result); // says more
					throw err;
				}
				const outcome = await both(sent, x.result);
				options.answered?.(outcome.metadata);
			} catch (err) {
				if (!left) throw err;
			} finally {
				x.cancel();
			}
		};
		return cancelable(run(this), () => {
			left = true;
			x?.cancel();
		});
	}

	/** Calls a method that answers with bytes. The stream fails with the error of the call; canceling it cancels the call. */
	body(name: string, args?: Value, options?: CallOptions): ReadableStream<Uint8Array>;
	body<A>(method: Method<A, void>, args: A, options?: CallOptions): ReadableStream<Uint8Array>;
	body<A>(m: string | Method<A, void>, args?: A | Value, options: CallOptions = {}): ReadableStream<Uint8Array> {
		const { name, args: type } = (typeof m === 'string' ? untyped(m) : m) as Method<unknown, unknown>;
		const x = this.begin(name, payloadOf(type, args), options, true);
		const sent = this.send_(x, options.source);
		return this.reader(x).body(
			async () => {
				const outcome = await both(sent, x.result);
				options.answered?.(outcome.metadata);
			},
			() => x.cancel(),
		);
	}

	private reader(x: Exchange): StreamReader {
		return new StreamReader(this.link, this.link.machine.streams.incoming(x.call.party, 0));
	}

	/** Sends what a call has beside its arguments. */
	private async send_(x: Exchange, source: Source | undefined): Promise<void> {
		if (!source) return;
		try {
			await new StreamWriter(this.link, this.link.machine.streams.open(x.call.party, 0, source.bulk)).send(source);
		} catch (err) {
			x.cancel();
			throw err;
		}
	}

	private begin(name: string, payload: Uint8Array, options: CallOptions, streams: boolean, oneWay = false): Exchange {
		const { link } = this;
		const { calls } = link.machine;
		const { signal, timeout } = options;
		let timer: ReturnType<typeof setTimeout> | undefined;
		let settle: (outcome: Outcome | TwinwireError) => void = () => {};
		const result = new Promise<Outcome>((resolve, reject) => {
			settle = (outcome) => {
				settle = () => {};
				clearTimeout(timer);
				signal?.removeEventListener('abort', abort);
				if (outcome instanceof TwinwireError) reject(outcome);
				else resolve(outcome);
			};
		});
		result.catch(() => {}); // whoever waits for it is told
		const flags = (options.unordered ? unordered : 0) | (options.idempotent && !oneWay ? idempotent : 0);
		const deadline = timeout === undefined || oneWay ? 0 : link.now() + timeout;
		const call = new Call(calls, name, payload, encodeMetadata(options.metadata), deadline, flags, oneWay, (outcome) => settle(outcome));
		call.party.streams = streams;
		const giveUp = (error: TwinwireError): void => {
			if (calls.abandon(call, error.code) || !oneWay) settle(error);
			link.kick();
		};
		const abort = (): void => giveUp(aborted(signal as AbortSignal));
		if (link.error) throw new TwinwireError(Code.Unavailable, 'session has ended', { cause: link.error });
		if (signal?.aborted) throw aborted(signal);
		if (!/^[A-Za-z0-9._/-]{1,255}$/.test(name)) throw new TwinwireError(Code.BadRequest, 'malformed name of a method');
		calls.start(call);
		signal?.addEventListener('abort', abort, { once: true });
		if (timeout !== undefined) timer = setTimeout(() => giveUp(new TwinwireError(Code.DeadlineExceeded)), Math.min(timeout, 2 ** 31 - 1));
		link.kick();
		let over = false;
		result.then(
			() => (over = true),
			() => (over = true),
		);
		return { call, result, cancel: () => void (over || giveUp(new TwinwireError(Code.Canceled))) };
	}

	/** The topics that the server has subscribed this session to. */
	get topics(): ReadonlySet<string> {
		return this.all.topics;
	}

	/** Yields events as they arrive: see Events.iterate. */
	readonly events: Events['iterate'] = (options) => this.all.iterate(options);

	/** Has a function called with events as they arrive; it returns what ends that. */
	readonly onEvent: Events['on'] = (f, options) => this.all.on(f, options);

	/** Returns the live copy of a state of the server, of a struct type. */
	state<T>(name: string, type: Type<T>): View<T> {
		return this.views.view(name, type);
	}

	/** Ends the session: what is queued is sent, the server agrees. It resolves when that is done. */
	async close(code: number = Code.Accepted, reason = ''): Promise<void> {
		this.link.close(code, reason);
		await this.closed;
	}

	/** close, for await using. */
	[Symbol.asyncDispose](): Promise<void> {
		return this.close();
	}
}

const payloadOf = (type: Type<unknown> | undefined, args: unknown): Uint8Array => (type && args !== undefined ? encode(type, args) : none);

/** Waits for a source and for the outcome of its call. A source that failed says more than what came of it. */
async function both(sent: Promise<void>, result: Promise<Outcome>): Promise<Outcome> {
	sent.catch(() => {});
	const outcome = await result.catch(async (err: unknown) => {
		await sent;
		throw err;
	});
	await sent;
	return outcome;
}
