import { CodecError } from '../codec/error.js';
import { decode, encode, type Type, value } from '../codec/types.js';
import type { Value } from '../codec/value.js';
import { Code, TwinwireError } from '../error.js';
import { encodeMetadata, type Metadata } from '../frame/metadata.js';
import { none } from '../frame/varint.js';

import { type Served, ServedCalls } from '../machine/served.js';
import { incoming, type InStream, openOut, rejectionOf } from '../machine/streams.js';
import { chunks, readStream, sendSource, type Source, streamOf, valuesOf } from './exchange.js';
import { tell } from './iterate.js';
import { type Link, longest, now } from './link.js';

/** A call or a message of the server, as its handler sees it. */
export class Request {
	private readonly controller = new AbortController();
	readonly method: string;
	/** Metadata of the call, and of the answer. */
	readonly metadata: Metadata;
	reply: Metadata = {};
	/** Aborted when the caller does not wait any more: it canceled, its deadline has passed, or the session is over. */
	readonly signal = this.controller.signal;

	constructor(
		/** @internal */
		readonly link: Link,
		/** @internal */
		readonly call: Served,
	) {
		this.method = call.method;
		this.metadata = call.metadata;
	}

	abort(code: number): void {
		this.controller.abort(new TwinwireError(code));
	}

	private stream(): InStream {
		const s = incoming(this.link.machine, this.call, 0);
		this.link.kick();
		return s;
	}

	/** Yields the values that the caller sends (clause 12.10). Leaving the loop stops them. */
	values<T>(type: Type<T>): AsyncIterable<T> {
		return readStream(this.link, this.stream(), valuesOf(type, this.link.machine.own.max));
	}

	/** Returns the bytes that the caller sends. */
	body(): ReadableStream<Uint8Array> {
		return streamOf(readStream(this.link, this.stream(), chunks));
	}

	/** Answers with a stream. */
	async send(source: Source): Promise<void> {
		await sendSource(this.link, openOut(this.link.machine, this.call, 0, source.bulk), source);
	}
}

/** Serves a method: what it returns is the answer, a Source answers with a stream. handler makes it. */
export interface Handler {
	(args: Uint8Array, request: Request): Promise<Uint8Array | Source | undefined>;
	/** What a session serves with, a Serve. It comes with the handlers, so that clients without any do without. */
	readonly serve: unknown;
}

/** What the server may call, by method. */
export type Handlers = { readonly [method: string]: Handler };

/** Makes a handler of a function of values. Without types it takes and returns any Value. */
export function handler(f: (args: Value, request: Request) => unknown): Handler;
export function handler<A, R>(types: { args?: Type<A> | undefined; result?: Type<R> | undefined }, f: (args: A, request: Request) => R | Source | Promise<R | Source>): Handler;
export function handler(types: { args?: Type<unknown> | undefined; result?: Type<unknown> | undefined } | ((args: Value, request: Request) => unknown), f?: (args: never, request: Request) => unknown): Handler {
	const untyped = typeof types === 'function';
	const call = (untyped ? types : f) as (args: unknown, request: Request) => unknown;
	const { args, result } = untyped ? { args: value, result: value } : types;
	const h = async (payload: Uint8Array, request: Request): Promise<Uint8Array | Source | undefined> => {
		// A caller that knows of no arguments sends none.
		const v = await call(payload.length && args ? decode(args as Type<unknown>, payload) : args?.zero(), request);
		if (isSource(v)) return v;
		return result && v !== undefined ? encode(result as Type<unknown>, v).slice() : undefined;
	};
	return Object.assign(h, { serve });
}

const isSource = (v: unknown): v is Source => typeof v === 'object' && v !== null && 'chunks' in v && typeof v.chunks === 'function';

export type Serve = (link: Link, handlers: Handlers, failed?: (err: unknown, method: string) => void) => void;

/** Has handlers run for a session: calls beside each other, ordered messages one after another (clause 6.5). */
const serve: Serve = (link, handlers, failed = (err, method) => console.error(`twinwire: ${method} failed`, err)) => {
	let messages = Promise.resolve();
	const calls = new ServedCalls(link.machine, now, (call) => {
		if (call.oneWay && call.ordered) messages = messages.then(() => run(call));
		else void run(call);
	});
	link.machine.serving = calls;

	async function run(call: Served): Promise<void> {
		const request = new Request(link, call);
		const timer = call.deadline ? setTimeout(() => request.abort(Code.DeadlineExceeded), Math.min(call.deadline - now(), longest)) : undefined;
		call.onCancel = (code) => request.abort(code);
		let code: number = Code.Accepted;
		let payload = none;
		let metadata = none;
		try {
			const h = Object.hasOwn(handlers, call.method) ? handlers[call.method] : undefined;
			if (!h) throw new TwinwireError(Code.NotImplemented, 'method is not known');
			const answer = await h(call.payload, request);
			if (answer instanceof Uint8Array) payload = answer;
			else if (answer) await request.send(answer);
			metadata = encodeMetadata(request.reply);
		} catch (err) {
			const known = err instanceof TwinwireError ? err : err instanceof CodecError ? new TwinwireError(Code.BadRequest, err.message) : undefined;
			code = known?.code ?? Code.Internal;
			payload = known ? rejectionOf(known.message, known.details) : none;
			if (!known) tell([() => failed(err, call.method)], undefined);
			try {
				metadata = encodeMetadata(request.reply);
			} catch {
				// It is what is wrong, or comes with what is.
			}
		}
		clearTimeout(timer);
		call.onCancel = undefined;
		calls.reply(call, code, payload, metadata);
		link.kick();
	}
};
