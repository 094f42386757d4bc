import { whenAborted } from '../error.js';

/** What is iterated over with for await, and may be left with return or await using. */
export type Iterated<T> = AsyncIterableIterator<T> & AsyncDisposable;

/**
 * An async iterator whose return takes effect at once: that of a generator
 * would wait for the value that it is about to yield.
 */
export function iterated<T>(next: () => Promise<IteratorResult<T>>, left: () => unknown): Iterated<T> {
	const it: Iterated<T> = {
		next,
		return: async () => {
			await left();
			return { value: undefined, done: true };
		},
		[Symbol.asyncIterator]: () => it,
		[Symbol.asyncDispose]: async () => void (await left()),
	};
	return it;
}

/**
 * Yields what pull has, which is undefined at the end and an empty list as
 * long as there is nothing. Whoever changes that calls the function that on
 * was given.
 */
export function pulled<T>(pull: () => readonly [] | readonly [T] | undefined, on: (wake: () => void) => () => void, signal?: AbortSignal): Iterated<T> {
	const waiting: ((r: IteratorResult<T> | Promise<never>) => void)[] = [];
	let over = false;
	const wake = (): void => {
		for (let next = waiting[0]; next; next = waiting[0]) {
			let got: readonly [] | readonly [T] | undefined;
			let failed: Promise<never> | undefined;
			try {
				got = over ? undefined : pull();
			} catch (err) {
				failed = Promise.reject(err);
			}
			if (got?.length === 0) return;
			waiting.shift();
			next(failed ?? (got ? { value: got[0] as T, done: false } : { value: undefined, done: true }));
			if (!got) stop();
		}
	};
	const stop = (): void => {
		if (over) return;
		over = true;
		off();
		unwatch();
		wake();
	};
	const off = on(wake);
	let unwatch = (): void => {};
	unwatch = whenAborted(signal, stop);
	return iterated(
		() =>
			new Promise((resolve) => {
				waiting.push(resolve);
				wake();
			}),
		stop,
	);
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
