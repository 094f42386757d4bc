import { type Binding, patchFields, readTable } from '../codec/patch.js';
import { fail, finish, Reader } from '../codec/reader.js';
import { encode, type Fields, type Type } from '../codec/types.js';
import { Code, TwinwireError } from '../error.js';
import { F2, F4 } from '../frame/layout.js';
import { during, tell } from './iterate.js';

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
	readonly subscribe = (f: () => void): (() => void) => during(this.listeners, f);

	/** Takes what arrived. It throws a CodecError if that cannot be read; the view has no value then. */
	receive(flags: number, version: number, payload: Uint8Array): void {
		try {
			if (flags & F4) this.error = new TwinwireError(Code.Unavailable, 'the state is over');
			else this.read(flags & F2, version, new Reader(payload));
			this.owner = version;
		} catch (cause) {
			this.value = this.binding = undefined;
			this.version = 0;
			this.error = new TwinwireError(Code.ProtocolError, 'malformed state', { cause });
			throw this.error;
		} finally {
			tell(this.listeners, undefined);
		}
	}

	private read(snapshot: number, version: number, r: Reader): void {
		if (snapshot) {
			this.binding = readTable(r);
			this.value = this.type.read(r);
			this.used = 0;
			this.error = undefined;
		} else {
			if (!this.binding || this.error || version !== this.owner + 1) fail(r, 'malformed state');
			this.value = patchFields(r, this.value, this.type.fields as Fields, this.binding as Binding, 0, Infinity) as T;
		}
		this.used += finish(r);
		this.version++;
		// What deltas have brought may have been replaced since.
		if (this.used > settleBytes && (this.used = encode(this.type, this.value as T).length) > maxValue) fail(r, 'malformed state');
	}

	end(error: TwinwireError): void {
		this.error ??= error;
		tell(this.listeners, undefined);
	}
}

type Change = [flags: number, version: number, payload: Uint8Array];

/** What may wait of states without a view, in bytes. */
const maxEarly = 1 << 20;

/** The views of a session. */
export class Views {
	private readonly views = new Map<string, View<unknown>>();
	/** What arrived before there was a view, by name; nothing if that was too much. */
	private readonly early = new Map<string, Change[]>();

	/** Returns the view of a state, the same one each time; over is why the session is, if it is. */
	view<T>(name: string, type: Type<T>, over: TwinwireError | undefined): View<T> {
		let v = this.views.get(name) as View<T> | undefined;
		if (!v) {
			v = new View(name, type);
			this.views.set(name, v as View<unknown>);
			const early = this.early.get(name);
			if (early?.length === 0) v.end(new TwinwireError(Code.ResourceExhausted));
			for (const change of early ?? []) v.receive(...change);
			this.early.delete(name);
			if (over) v.end(over);
		}
		return v;
	}

	receive(name: string, ...change: Change): void {
		const v = this.views.get(name);
		if (v) return v.receive(...change);
		// Of one that was not kept only a snapshot is taken again.
		const before = change[0] & F2 ? undefined : this.early.get(name);
		if (before?.length === 0) return;
		this.early.set(name, [...(before ?? []), change]);
		if ([...this.early.values()].flat().reduce((n, c) => n + c[2].length, 0) > maxEarly) this.early.set(name, []);
	}

	end(error: TwinwireError): void {
		for (const v of this.views.values()) v.end(error);
	}
}
