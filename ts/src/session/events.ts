import { decode, type Type, type TypeOf, value } from '../codec/types.js';
import type { Value } from '../codec/value.js';
import type { Topic } from '../machine/topics.js';
import { cancelable, Mailbox } from './iterate.js';

/** Something that happened on a topic (clause 7). */
export class Delivery {
	constructor(
		/** An event; the begin or the end of a subscription; or events that were missed and that none followed. */
		readonly kind: 'event' | 'subscribed' | 'unsubscribed' | 'missed',
		/** The topic, '' for events to the session itself. */
		readonly topic: string,
		/** The type of an event, such as "counter.Incremented". */
		readonly type: string,
		/** How many events of the topic were dropped before this one. */
		readonly missed: number,
		readonly payload: Uint8Array,
	) {}

	/** Decodes the event. It throws a CodecError. */
	decode<T>(type: Type<T>): T {
		return decode(type, this.payload);
	}

	/** The event without a type. */
	get value(): Value {
		return decode(value, this.payload);
	}
}

/** Which events are wanted, and how many may wait. */
export interface EventOptions {
	/** Only those of this family: "counter" for "counter.Incremented". */
	family?: string;
	/** Only those of this topic. */
	topic?: string;
	/** Bytes that may wait for a loop that is slow; beyond it the oldest are dropped, and counted as missed. Default 1 MiB. */
	buffer?: number;
	signal?: AbortSignal;
}

const defaultBuffer = 1 << 20;
/** What an event counts beside its payload. */
const overhead = 64;

/** Events of one reader that wait: bounded, the oldest are dropped and counted. */
class Tap {
	private bytes = 0;
	/** Dropped, and not yet told of, by topic. */
	private readonly missed = new Map<string, number>();
	readonly box = new Mailbox<Delivery>(() => this.gap());

	constructor(
		readonly options: EventOptions,
		private readonly taken?: (d: Delivery) => void,
	) {}

	wants(d: Delivery): boolean {
		const { family, topic } = this.options;
		return (topic === undefined || topic === d.topic) && (family === undefined || d.kind !== 'event' || d.type.startsWith(`${family}.`));
	}

	push(d: Delivery): void {
		if (this.taken) return this.taken(d);
		this.box.push(d);
		this.bytes += d.payload.length + overhead;
		while (this.bytes > (this.options.buffer ?? defaultBuffer) && this.box.size > 1) {
			const old = this.shift();
			const n = (old?.missed ?? 0) + (old?.kind === 'event' ? 1 : 0);
			if (old && n > 0) this.missed.set(old.topic, (this.missed.get(old.topic) ?? 0) + n);
		}
	}

	shift(): Delivery | undefined {
		const d = this.box.shift();
		if (d) this.bytes -= d.payload.length + overhead;
		return d;
	}

	/** Tells of what was dropped, with the next event of its topic. */
	told(d: Delivery): Delivery {
		this.bytes = Math.max(0, this.bytes - d.payload.length - overhead);
		const n = this.missed.get(d.topic);
		if (n === undefined || d.kind === 'subscribed' || d.kind === 'unsubscribed') return d;
		this.missed.delete(d.topic);
		return new Delivery(d.kind, d.topic, d.type, d.missed + n, d.payload);
	}

	private gap(): Delivery | undefined {
		for (const [topic, n] of this.missed) {
			this.missed.delete(topic);
			return new Delivery('missed', topic, '', n, new Uint8Array(0));
		}
		return undefined;
	}
}

/** The events of a session. */
export class Events {
	/** The topics that the session is subscribed to now. */
	readonly topics = new Set<string>();
	private readonly taps = new Set<Tap>();
	/** What nobody has wanted yet waits for who will. */
	private readonly unclaimed = new Tap({});
	private over = false;

	receive(t: Topic, kind: Delivery['kind'], type: string, missed: number, payload: Uint8Array): void {
		if (kind === 'subscribed') this.topics.add(t.name);
		else if (kind === 'unsubscribed') this.topics.delete(t.name);
		const d = new Delivery(kind, t.name, type, missed, payload);
		let wanted = false;
		for (const tap of [...this.taps]) {
			if (!tap.wants(d)) continue;
			wanted = true;
			tap.push(d);
		}
		if (!wanted) this.unclaimed.push(d);
	}

	private open(tap: Tap): () => void {
		this.taps.add(tap);
		const waiting: Delivery[] = [];
		for (let d = this.unclaimed.shift(); d; d = this.unclaimed.shift()) waiting.push(this.unclaimed.told(d));
		for (const d of waiting) (tap.wants(d) ? tap : this.unclaimed).push(d);
		if (this.over) tap.box.end();
		return () => this.taps.delete(tap);
	}

	/** Yields what arrives, until it is left or the session ends. What arrived before anybody wanted it comes first. */
	iterate(options: EventOptions = {}): AsyncIterableIterator<Delivery> & AsyncDisposable {
		const tap = new Tap(options);
		const close = this.open(tap);
		const it = tap.box.iterate(options.signal, close);
		const next = it.next.bind(it);
		it.next = async () => {
			const r = await next();
			return r.done ? r : { value: tap.told(r.value), done: false };
		};
		return it;
	}

	/** Has f called with what arrives, in its order, until the function that is returned is called. */
	on(f: (d: Delivery) => void, options: EventOptions = {}): () => void {
		return this.open(new Tap(options, f));
	}

	end(): void {
		this.over = true;
		for (const tap of this.taps) tap.box.end();
	}
}

/** An event of one of some types, or events that were missed and that none followed. */
export type TypedDelivery<T extends { readonly [name: string]: Type<unknown> }> =
	| { readonly [K in keyof T]: { readonly type: K; readonly event: TypeOf<T[K]>; readonly topic: string; readonly missed: number } }[keyof T]
	| { readonly type: 'missed'; readonly event: undefined; readonly topic: string; readonly missed: number };

/** Yields the events of a family with their types. Those of types that are not known are skipped: the peer is newer. */
export function typedEvents<T extends { readonly [name: string]: Type<unknown> }>(session: { readonly events: Events['iterate'] }, family: string, types: T, options?: EventOptions): AsyncIterableIterator<TypedDelivery<T>> & AsyncDisposable {
	const all = session.events({ ...options, family });
	const run = async function* (): AsyncGenerator<TypedDelivery<T>, void, undefined> {
		for await (const { kind, type, topic, missed, payload } of all) {
			const name = type.slice(family.length + 1);
			if (kind === 'missed') yield { type: 'missed', event: undefined, topic, missed };
			else if (kind === 'event' && Object.hasOwn(types, name)) yield { type: name, event: decode(types[name] as Type<unknown>, payload), topic, missed } as TypedDelivery<T>;
		}
	};
	return cancelable(run(), () => void all.return?.());
}
