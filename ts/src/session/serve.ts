import { CodecError } from '../codec/error.js';
import { decode, encode, type Type, value } from '../codec/types.js';
import type { Value } from '../codec/value.js';
import { Code, TwinwireError } from '../error.js';
import { encodeMetadata, type Metadata } from '../frame/metadata.js';
import { rejectionOf, type Served } from '../machine/served.js';
import { type Source, StreamReader, StreamWriter } from './exchange.js';
import type { Link } from './link.js';

const none = new Uint8Array(0);

/** A call or a message of the server, as its handler sees it. */
export class Request {
	private readonly controller = new AbortController();
	/** Metadata of the call, and of the answer. */
	readonly metadata: Metadata;
	reply: Metadata = {};

	constructor(
		private readonly link: Link,
		private readonly call: Served,
	) {
		this.metadata = call.metadata;
	}

	get method(): string {
		return this.call.method;
	}

	/** Aborted when the caller does not wait any more: it canceled, its deadline has passed, or the session is over. */
	get signal(): AbortSignal {
		return this.controller.signal;
	}

	abort(code: number): void {
		this.controller.abort(new TwinwireError(code));
	}

	private reader(slot: number): StreamReader {
		return new StreamReader(this.link, this.link.machine.streams.incoming(this.call.party, slot));
	}

	/** Yields the values that the caller sends (clause 12.10). Leaving the loop stops them. */
	values<T>(type: Type<T>): AsyncIterable<T> {
		const r = this.reader(0);
		this.link.kick();
		return r.values(type);
	}

	/** Returns the bytes that the caller sends. */
	body(): ReadableStream<Uint8Array> {
		const r = this.reader(0);
		this.link.kick();
		return r.body(
			async () => {},
			() => {},
		);
	}

	/** Answers with a stream. */
	async send(source: Source): Promise<void> {
		const w = new StreamWriter(this.link, this.link.machine.streams.open(this.call.party, 0, source.bulk));
		await w.send(source);
	}
}

/** Serves a method: what it returns is the answer, a Source answers with a stream. */
export type Handler = (args: Uint8Array, request: Request) => Promise<Uint8Array | Source | undefined>;

/** What the server may call, by method. */
export type Handlers = { readonly [method: string]: Handler };

/** Makes a handler of a function of values. Without types it takes and returns any Value. */
export function handler(f: (args: Value, request: Request) => unknown): Handler;
export function handler<A, R>(types: { args?: Type<A> | undefined; result?: Type<R> | undefined }, f: (args: A, request: Request) => R | Source | Promise<R | Source>): Handler;
export function handler(types: { args?: Type<unknown> | undefined; result?: Type<unknown> | undefined } | ((args: Value, request: Request) => unknown), f?: (args: never, request: Request) => unknown): Handler {
	const untyped = typeof types === 'function';
	const call = (untyped ? types : f) as (args: unknown, request: Request) => unknown;
	const args: Type<unknown> | undefined = untyped ? (value as Type<unknown>) : types.args;
	const result: Type<unknown> | undefined = untyped ? (value as Type<unknown>) : types.result;
	return async (payload, request) => {
		// A caller that knows of no arguments sends none.
		const v = await call(payload.length > 0 && args ? decode(args, payload) : args?.zero(), request);
		if (isSource(v)) return v;
		return result && v !== undefined ? encode(result, v).slice() : undefined;
	};
}

const isSource = (v: unknown): v is Source => typeof v === 'object' && v !== null && 'chunks' in v && typeof v.chunks === 'function';

/** Runs the handlers of a session: calls beside each other, ordered messages one after another (clause 6.5). */
export class Server {
	private messages: Promise<void> = Promise.resolve();

	constructor(
		private readonly link: Link,
		private readonly handlers: Handlers,
		private readonly failed: (err: unknown, method: string) => void,
	) {}

	serve(call: Served): void {
		if (call.oneWay && call.ordered) this.messages = this.messages.then(() => this.run(call));
		else void this.run(call);
	}

	private async run(call: Served): Promise<void> {
		const { link } = this;
		const request = new Request(link, call);
		const left = call.deadline - link.now();
		const timer = call.deadline === 0 ? undefined : setTimeout(() => request.abort(Code.DeadlineExceeded), Math.min(left, 2 ** 31 - 1));
		call.onCancel = (code) => request.abort(code);
		let code: number = Code.Accepted;
		let payload: Uint8Array = none;
		try {
			const h = Object.hasOwn(this.handlers, call.method) ? this.handlers[call.method] : undefined;
			if (!h) throw new TwinwireError(Code.NotImplemented, 'method is not known');
			const answer = await h(call.payload, request);
			if (answer instanceof Uint8Array) payload = answer;
			else if (answer) await request.send(answer);
		} catch (err) {
			const known = err instanceof TwinwireError ? err : err instanceof CodecError ? new TwinwireError(Code.BadRequest, err.message) : undefined;
			if (!known) this.failed(err, call.method);
			code = known?.code ?? Code.Internal;
			if (known) payload = rejectionOf(known.message, known.details);
		} finally {
			clearTimeout(timer);
			call.onCancel = undefined;
			link.machine.serving.reply(call, code, payload, encodeMetadata(request.reply));
			link.kick();
		}
	}
}
