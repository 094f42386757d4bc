import { decode, encode, type Type, value } from '../codec/types.js';
import type { Value } from '../codec/value.js';
import { aborted, Code, TwinwireError, whenAborted } from '../error.js';
import type { CallMetadata } from '../frame/metadata.js';
import { none } from '../frame/varint.js';
import { abandon, Call, ended, idempotent, type Outcome, start, unordered } from '../machine/calls.js';
import type { Listener } from '../machine/config.js';
import { validName } from '../machine/lane.js';
import type { Machine } from '../machine/machine.js';
import { incoming, openOut } from '../machine/streams.js';
import type { Carrier } from '../wires/carrier.js';
import { Events } from './events.js';
import { chunks, reader, sendSource, type Source, type Split, stopReading, streamOf, valuesOf } from './exchange.js';
import { during, type Iterated, type Pull, pulled, tell } from './iterate.js';
import { Link, longest, now } from './link.js';
import { type View, Views } from './view.js';

/** A method of the peer. */
export interface Method<A, R> {
	readonly name: string;
	/** Undefined for a method without arguments, or without a result. */
	readonly args: Type<A> | undefined;
	readonly result: Type<R> | undefined;
}

/** Describes a method. */
export const method = <A = void, R = void>(name: string, args?: Type<A>, result?: Type<R>): Method<A, R> => ({ name, args, result });

/** Describes a method without its types: it takes and returns any Value. */
export const untyped = (name: string): Method<Value, Value> => method(name, value, value);

export interface CallOptions {
	/** Ends the wait; the callee is told. */
	signal?: AbortSignal | undefined;
	/** Milliseconds that the call may take. The deadline travels with it (clause 6.4). */
	timeout?: number | undefined;
	/** What travels beside arguments and result: metadata(pairs). */
	metadata?: CallMetadata | undefined;
	/** The call may start before those that were made earlier, and may run twice without harm. */
	unordered?: boolean;
	idempotent?: boolean;
	/** What the call sends beside its arguments: values or bytes. */
	source?: Source | undefined;
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

/** A call that is under way, with what it sends beside its arguments. */
export interface Exchange {
	readonly call: Call;
	readonly outcome: Promise<Outcome>;
	cancel(): void;
}

/** The conversation with a server. It outlives its carriers. */
export class Session implements AsyncDisposable {
	/** Fulfilled when the session is over, with why. */
	readonly closed: Promise<TwinwireError>;
	/** What has become of it last. */
	change: Change;
	/** Why the session does not run over the best wire, if it does not and as far as that is known: one sentence for people. */
	fallback: (Error & { readonly code?: number }) | undefined;
	/**
	 * For who dials; not for programs.
	 * @internal
	 */
	readonly link: Link;
	/** @internal */
	readonly all = new Events();
	private readonly views = new Views();
	private readonly steps = new Set<(c: Change) => void>();

	constructor(
		readonly id: string,
		carrier: Carrier,
		machine: (listener: Listener) => Machine,
		renewal: Listener['renewal'],
	) {
		let over: (why: TwinwireError) => void;
		this.closed = new Promise((resolve) => (over = resolve));
		const listener: Listener = {
			state: (...change) => this.views.receive(...change),
			event: (...event) => this.all.receive(...event),
			renewal,
			leaving: (said) => this.step('leaving', undefined, said),
		};
		this.link = new Link(machine(listener), (phase, cause) => {
			if (phase === 'ended') {
				this.all.end();
				this.views.end(cause as TwinwireError);
				over(cause as TwinwireError);
			}
			this.step(phase, cause);
		});
		this.change = { phase: 'connected', wire: carrier.wire, error: undefined };
		this.link.attach(carrier);
	}

	private step(phase: Change['phase'], error?: TwinwireError, said?: Pick<Change, 'within' | 'retryAfter'>): void {
		this.change = { phase, wire: this.link.carrier?.wire ?? '', error, ...said };
		tell(this.steps, this.change);
	}

	/** Why the session is over, undefined while it lives. */
	get error(): TwinwireError | undefined {
		return this.link.error;
	}

	/** Has f called with what becomes of the session, until the function that is returned is called. */
	onChange(f: (c: Change) => void): () => void {
		return during(this.steps, f);
	}

	/** Makes a call. It rejects with a TwinwireError: the callee's, or what became of the call (clause 8.3). */
	async call<A, R>(method: Method<A, R>, args: A, options?: CallOptions): Promise<R> {
		const { payload } = await this.exchange(method, args, options).outcome;
		const { result } = method;
		return result && payload.length ? decode(result, payload) : (result?.zero() as R);
	}

	/** Sends a message, which has no answer. It resolves when it was sent. */
	async send<A>(method: Method<A, unknown>, args: A, options?: CallOptions): Promise<void> {
		await this.exchange(method, args, options, true).outcome;
	}

	/** Calls a method that answers with values, and yields them. Leaving the loop cancels the call; its error comes last. */
	values<A, R>(method: Method<A, R>, args: A, options?: CallOptions): Iterated<R> {
		return this.answers(method, args, options, valuesOf(method.result as Type<R>, this.link.machine.own.max));
	}

	/** Calls a method that answers with bytes. The stream fails with the error of the call; canceling it cancels the call. */
	body<A>(method: Method<A, unknown>, args: A, options?: CallOptions): ReadableStream<Uint8Array> {
		return streamOf(this.answers(method, args, options, chunks));
	}

	/** Calls a method, and yields what it answers with beside its result. What came of the call says more than what came of the stream. */
	private answers<A, T>(method: Method<A, unknown>, args: A, options: CallOptions | undefined, split: Split<T>): Iterated<T> {
		const { call, outcome, cancel } = this.exchange(method, args, options);
		const s = incoming(this.link.machine, call, 0);
		const read = reader(this.link, s, split);
		let over = false;
		let failed: unknown;
		const settled = (err?: unknown): void => {
			over = true;
			failed = err;
			s.wake();
		};
		outcome.then(() => settled(), settled);
		const pull: Pull<T> = () => {
			let error: unknown;
			try {
				const got = read();
				if (got) return got;
			} catch (err) {
				if (err !== s.error) throw err;
				error = err;
			}
			if (!over) return [];
			error = failed ?? error;
			if (error) throw error;
			return undefined;
		};
		return pulled(pull, (wake) => {
			s.wake = wake;
			return () => (cancel(), stopReading(this.link, s));
		});
	}

	/**
	 * Begins a call, and sends what it has beside its arguments.
	 * @internal
	 */
	exchange<A>(method: Method<A, unknown>, args: A, options: CallOptions = {}, oneWay = false): Exchange {
		const { link } = this;
		const { machine } = link;
		const { name, args: type } = method;
		const { signal, timeout, source } = options;
		if (link.error) throw new TwinwireError(Code.Unavailable, ended, { cause: link.error });
		if (signal?.aborted) throw aborted(signal);
		if (!name || !validName(name)) throw new TwinwireError(Code.BadRequest, 'malformed name');

		let settle: ((outcome: Outcome | TwinwireError) => void) | undefined;
		const answer = new Promise<Outcome>((resolve, reject) => {
			settle = (outcome) => {
				settle = undefined;
				clearTimeout(timer);
				off();
				if (outcome instanceof TwinwireError) reject(outcome);
				else resolve(outcome);
			};
		});
		const flags = (options.unordered ? unordered : 0) | (options.idempotent && !oneWay ? idempotent : 0);
		const deadline = timeout === undefined || oneWay ? 0 : now() + Math.min(timeout, longest);
		const payload = type && args !== undefined ? encode(type, args) : none;
		const call = new Call(machine, name, payload, options.metadata, deadline, flags, oneWay, (outcome) => settle?.(outcome));
		const giveUp = (error: TwinwireError): void => {
			if (settle && abandon(machine, call, error.code)) settle(error);
			link.kick();
		};
		const cancel = (): void => giveUp(new TwinwireError(Code.Canceled));
		start(machine, call);
		const off = whenAborted(signal, giveUp);
		const timer = timeout === undefined ? undefined : setTimeout(() => giveUp(new TwinwireError(Code.DeadlineExceeded)), Math.min(timeout, longest));
		link.kick();

		// A source that failed says more than what came of its call.
		const sent = source && sendSource(link, openOut(machine, call, 0, source.bulk), source, cancel);
		const outcome = answer
			.finally(() => Promise.race([sent, 0]))
			.then((o) => {
				options.metadata?.answered?.(o.metadata);
				return o;
			});
		for (const p of [sent, outcome]) p?.catch(() => {}); // whoever waits for it is told
		return { call, outcome, cancel };
	}

	/** The topics that the server has subscribed this session to. */
	readonly topics: ReadonlySet<string> = this.all.topics;

	/** Yields events as they arrive: see Events.iterate. */
	readonly events: Events['iterate'] = (options, of) => this.all.iterate(options, of);

	/** Returns the live copy of a state of the server, of a struct type. */
	state<T>(name: string, type: Type<T>): View<T> {
		return this.views.view(name, type, this.error);
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
