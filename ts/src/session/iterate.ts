import { whenAborted } from '../error.js';

/** What is iterated over with for await, and may be left with return or await using. */
export type Iterated<T> = AsyncIterableIterator<T> & AsyncDisposable;

/** Takes what is there: nothing yet is an empty list, and the end is undefined. */
export type Pull<T> = () => readonly [] | readonly [T] | undefined;

/**
 * Yields what pull takes. Whoever changes what is there calls the function
 * that on was given; at the end what on has returned is called. Its return
 * takes effect at once: that of a generator would wait for the value that it
 * is about to yield.
 */
export function pulled<T>(pull: Pull<T>, on: (wake: () => void) => () => void, signal?: AbortSignal): Iterated<T> {
	type Result = IteratorResult<T> | Promise<never>;
	const waiting: ((r: Result) => void)[] = [];
	let over = false;
	/** Returns what is next, if that is known. */
	const take = (): Result | undefined => {
		let failed: Promise<never> | undefined;
		try {
			const got = over ? undefined : pull();
			if (got) return got.length ? { value: got[0], done: false } : undefined;
		} catch (err) {
			failed = Promise.reject(err);
		}
		stop();
		return failed ?? { value: undefined, done: true };
	};
	const wake = (): void => {
		for (let r: Result | undefined; waiting.length && (r = take()); ) waiting.shift()?.(r);
	};
	const stop = (): void => {
		if (over) return;
		over = true;
		// Whoever waits for what was taken last is told first.
		queueMicrotask(() => {
			off();
			unwatch();
			wake();
		});
	};
	const off = on(wake);
	let unwatch = (): void => {};
	unwatch = whenAborted(signal, stop);
	const it: Iterated<T> = {
		next: async () => (waiting.length ? undefined : take()) ?? new Promise((resolve) => waiting.push(resolve)),
		return: async () => {
			stop();
			return { value: undefined, done: true };
		},
		[Symbol.asyncIterator]: () => it,
		[Symbol.asyncDispose]: async () => stop(),
	};
	return it;
}

/** Iterates over a stream; not every browser does by itself. */
export async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
	const reader = stream.getReader();
	try {
		for (let r = await reader.read(); !r.done; r = await reader.read()) yield r.value;
	} finally {
		reader.cancel().catch(() => {});
	}
}

/** Runs functions of the application: what they throw is nobody else's concern. */
export function tell<A>(all: Iterable<(a: A) => unknown>, a: A): void {
	for (const f of [...all]) {
		try {
			f(a);
		} catch (err) {
			queueMicrotask(() => {
				throw err;
			});
		}
	}
}

/** Adds to a set, until what it returns is called. */
export function during<T>(all: Set<T>, v: T): () => void {
	all.add(v);
	return () => all.delete(v);
}
