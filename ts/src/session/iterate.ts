/**
 * An async iterator whose return takes effect at once: that of a generator
 * would wait for the value that it is about to yield.
 */
export function cancelable<T>(of: AsyncGenerator<T, void, undefined>, cancel: () => void): AsyncIterableIterator<T> & AsyncDisposable {
	const it: AsyncIterableIterator<T> & AsyncDisposable = {
		next: () => of.next(),
		return: async () => {
			cancel();
			return (await of.return()) as IteratorResult<T>;
		},
		[Symbol.asyncIterator]: () => it,
		[Symbol.asyncDispose]: async () => {
			await it.return?.();
		},
	};
	return it;
}

/** What waits for somebody who iterates, in order. */
export class Mailbox<T> {
	private items: T[] = [];
	private done = false;
	private wake: (() => void) | undefined;

	constructor(private readonly dropped?: () => T | undefined) {}

	get size(): number {
		return this.items.length;
	}

	push(v: T): void {
		if (this.done) return;
		this.items.push(v);
		this.notify();
	}

	shift(): T | undefined {
		return this.items.shift();
	}

	/** Nothing more comes; what is there is yielded still. */
	end(): void {
		this.done = true;
		this.notify();
	}

	private notify(): void {
		this.wake?.();
		this.wake = undefined;
	}

	/** Yields what comes, until the end or until it is left. */
	iterate(signal: AbortSignal | undefined, left: () => void): AsyncIterableIterator<T> & AsyncDisposable {
		const stop = (): void => {
			this.items = [];
			this.end();
			left();
		};
		signal?.addEventListener('abort', stop, { once: true });
		if (signal?.aborted) stop();
		const all = async function* (box: Mailbox<T>): AsyncGenerator<T, void, undefined> {
			try {
				for (;;) {
					if (box.items.length > 0) yield box.items.shift() as T;
					else {
						const late = box.dropped?.();
						if (late !== undefined) yield late;
						else if (box.done) return;
						else await new Promise<void>((wake) => (box.wake = wake));
					}
				}
			} finally {
				signal?.removeEventListener('abort', stop);
				stop();
			}
		};
		return cancelable(all(this), stop);
	}
}
