import { Code, TwinwireError } from '../error.js';
import type { Delivery, EventOptions } from './events.js';
import { type Iterated, pulled, tell } from './iterate.js';
import type { Change, Session } from './session.js';
import type { View } from './view.js';

// What programs may want to hear of sessions and views in other forms than callbacks.

/** Yields what has become of a session last, and what becomes of it; the end is the last. */
export function lifecycle(session: Session, signal?: AbortSignal): Iterated<Change> {
	const waiting = [session.change];
	let ended = false;
	const pull = (): [] | [Change] | undefined => {
		const c = waiting.shift();
		if (!c) return ended ? undefined : [];
		ended = c.phase === 'ended';
		return [c];
	};
	const on = (wake: () => void): (() => void) =>
		session.onChange((c) => {
			waiting.push(c);
			wake();
		});
	return pulled(pull, on, signal);
}

/** Has f called with what arrives of events, in its order, until the function that is returned is called. */
export const onEvent = (session: Session, f: (d: Delivery) => void, options: EventOptions = {}): (() => void) => session.all.open({ options, push: (d) => tell([f], d) });

/** Yields the value of a view, and then again when it has changed: always the newest. It ends when nothing more comes. */
export function changes<T>(view: View<T>, signal?: AbortSignal): Iterated<T> {
	let seen = 0;
	const pull = (): [] | [T] | undefined => {
		if (view.version <= seen) return view.error ? undefined : [];
		seen = view.version;
		return [view.get() as T];
	};
	return pulled(pull, view.subscribe, signal);
}

/** Waits for the value of a view. It throws why none comes. */
export async function ready<T>(view: View<T>, signal?: AbortSignal): Promise<T> {
	for await (const v of changes(view, signal)) return v;
	throw view.error ?? new TwinwireError(Code.Canceled);
}
