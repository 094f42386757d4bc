import { patchFields, readTable } from '../codec/patch.js';
import type { Binding } from '../codec/patch.js';
import { Reader } from '../codec/reader.js';
import { encode, type Fields, type Type } from '../codec/types.js';
import { Code, TwinwireError } from '../error.js';
import { cancelable } from './iterate.js';

/** The most that a value takes (clause S11), and what deltas may bring before it is looked at again. */
const maxValue = 4 << 20;
const settleBytes = 8 << 20;

/**
 * A live, read-only copy of a value that the server owns. What get returns
 * never changes: each change makes a new object, that shares with the one
 * before what has not changed. So get and subscribe are what React's
 * useSyncExternalStore wants.
 */
export class View<T> {
	private value: T | undefined;
	private binding: Binding | undefined;
	private owner = 0;
	private used = 0;
	private readonly listeners = new Set<() => void>();
	/** Counts the changes that were seen, from 1; 0 before there is a value. */
	version = 0;
	/** Why nothing more comes; undefined while the view is live. */
	error: TwinwireError | undefined;

	constructor(
		readonly name: string,
		private readonly type: Type<T>,
	) {}

	/** Returns the newest value, undefined as long as none has arrived: the same object until it changes. */
	readonly get = (): T | undefined => this.value;

	/** Has f called after each change, and at the end, until the function that is returned is called. */
	readonly subscribe = (f: () => void): (() => void) => {
		this.listeners.add(f);
		return () => this.listeners.delete(f);
	};

	/** Waits for a value. It throws why none comes. */
	async ready(signal?: AbortSignal): Promise<T> {
		for await (const v of this.changes(signal)) return v;
		throw this.error ?? new TwinwireError(Code.Canceled);
	}

	/** Yields the value, and then again when it has changed: always the newest. It ends when nothing more comes. */
	changes(signal?: AbortSignal): AsyncIterableIterator<T> & AsyncDisposable {
		let wake: (() => void) | undefined;
		let left = signal?.aborted === true;
		const unsubscribe = this.subscribe(() => wake?.());
		const stop = (): void => {
			left = true;
			unsubscribe();
			signal?.removeEventListener('abort', stop);
			wake?.();
		};
		signal?.addEventListener('abort', stop, { once: true });
		const all = async function* (view: View<T>): AsyncGenerator<T, void, undefined> {
			try {
				for (let seen = 0; !left; ) {
					if (view.version > seen) {
						seen = view.version;
						yield view.value as T;
					} else if (view.error) return;
					else await new Promise<void>((resolve) => (wake = resolve));
				}
			} finally {
				stop();
			}
		};
		return cancelable(all(this), stop);
	}

	/** Takes what arrived. It throws a CodecError if that cannot be read; the view has no value then. */
	receive(change: 'snapshot' | 'delta' | 'end', version: number, payload: Uint8Array): void {
		try {
			if (change === 'snapshot') this.snapshot(payload);
			else if (change === 'delta') this.delta(version, payload);
			else this.error = new TwinwireError(Code.Unavailable, 'the owner has closed the state');
		} catch (cause) {
			this.value = this.binding = undefined;
			this.version = 0;
			this.error = new TwinwireError(Code.ProtocolError, 'state cannot be read', { cause });
			throw cause;
		} finally {
			if (change !== 'end') this.owner = version;
			this.changed();
		}
	}

	private snapshot(payload: Uint8Array): void {
		const r = new Reader(payload);
		const binding = readTable(r);
		const v = this.type.read(r);
		r.finish();
		this.value = v;
		this.binding = binding;
		this.used = payload.length;
		this.error = undefined;
		this.version++;
	}

	private delta(version: number, payload: Uint8Array): void {
		const r = new Reader(payload);
		if (!this.binding || this.error || version !== this.owner + 1) return r.fail('delta without a snapshot');
		this.value = patchFields(r, this.value, this.type.fields as Fields, this.binding, 0, Infinity) as T;
		r.finish();
		this.version++;
		// What deltas have brought may have been replaced since.
		this.used += payload.length;
		if (this.used <= settleBytes) return;
		this.used = encode(this.type, this.value).length;
		if (this.used > maxValue) r.fail('value is over the limit');
	}

	end(error: TwinwireError): void {
		this.error ??= error;
		this.changed();
	}

	private changed(): void {
		for (const f of [...this.listeners]) f();
	}
}

interface Early {
	change: 'snapshot' | 'delta' | 'end';
	version: number;
	payload: Uint8Array;
}

/** What may wait of states without a view, in bytes. */
const maxEarly = 1 << 20;

/** The views of a session. */
export class Views {
	private readonly views = new Map<string, View<unknown>>();
	/** What arrived before there was a view, by name; undefined if that was too much. */
	private readonly early = new Map<string, Early[] | undefined>();
	private bytes = 0;
	private error: TwinwireError | undefined;

	/** Returns the view of a state, the same one each time. */
	view<T>(name: string, type: Type<T>): View<T> {
		if (!type.fields) throw new TwinwireError(Code.BadRequest, 'a state is a struct');
		const known = this.views.get(name);
		if (known) return known as View<unknown> as View<T>;
		const v = new View(name, type);
		const early = this.early.get(name);
		if (early === undefined && this.early.has(name)) throw new TwinwireError(Code.ResourceExhausted, 'so much of the state arrived before that it was not kept');
		this.views.set(name, v as View<unknown>);
		this.early.delete(name);
		for (const { change, version, payload } of early ?? []) {
			this.bytes -= payload.length;
			v.receive(change, version, payload);
		}
		if (this.error) v.end(this.error);
		return v;
	}

	receive(name: string, change: Early['change'], version: number, payload: Uint8Array): void {
		const v = this.views.get(name);
		if (v) return v.receive(change, version, payload);
		let waiting = this.early.get(name) ?? [];
		if (change === 'snapshot') {
			for (const e of waiting) this.bytes -= e.payload.length;
			waiting = [];
		} else if (this.early.has(name) && this.early.get(name) === undefined) return;
		this.bytes += payload.length;
		waiting.push({ change, version, payload });
		if (this.bytes > maxEarly) {
			for (const e of waiting) this.bytes -= e.payload.length;
			this.early.set(name, undefined);
		} else this.early.set(name, waiting);
	}

	end(error: TwinwireError): void {
		this.error = error;
		for (const v of this.views.values()) v.end(error);
	}
}
