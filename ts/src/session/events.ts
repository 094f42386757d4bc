import { decode, type Type, type TypeOf } from '../codec/types.js';
import { none } from '../frame/varint.js';
import type { TopicChange } from '../machine/config.js';
import { during, type Iterated, pulled } from './iterate.js';

/** Something that happened on a topic (clause 7). */
export class Delivery {
	constructor(
		/** An event; the begin or the end of a subscription; or events that were missed and that none followed. */
		readonly kind: TopicChange,
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

/** Who is told of events. */
interface Reader {
	readonly options: EventOptions;
	push(d: Delivery): void;
	wake?: () => void;
}

const wants = ({ family, topic }: EventOptions, d: Delivery): boolean => (topic === undefined || topic === d.topic) && (!family || d.kind !== 'event' || d.type.startsWith(`${family}.`));

/** Events of one reader that wait: bounded, the oldest are dropped and counted. */
class Tap implements Reader {
	private readonly items: Delivery[] = [];
	private bytes = 0;
	/** Dropped, and not yet told of, by topic. */
	private readonly missed = new Map<string, number>();
	wake = (): void => {};

	constructor(readonly options: EventOptions) {}

	push(d: Delivery): void {
		this.items.push(d);
		this.bytes += d.payload.length + overhead;
		while (this.bytes > (this.options.buffer ?? defaultBuffer) && this.items.length > 1) {
			const { topic, missed, kind } = this.take();
			const n = missed + (kind === 'event' ? 1 : 0);
			if (n) this.missed.set(topic, (this.missed.get(topic) ?? 0) + n);
		}
		this.wake();
	}

	private take(): Delivery {
		const d = this.items.shift() as Delivery;
		this.bytes -= d.payload.length + overhead;
		return d;
	}

	/** Takes the next one, and tells with it of what was dropped of its topic; or else of what was dropped. */
	shift(): Delivery | undefined {
		let d = this.items.length ? this.take() : undefined;
		const topic = d ? d.topic : (this.missed.keys().next().value ?? '');
		const n = this.missed.get(topic);
		if (!n || d?.kind.endsWith('subscribed')) return d;
		this.missed.delete(topic);
		d ??= new Delivery('missed', topic, '', 0, none);
		return new Delivery(d.kind, topic, d.type, d.missed + n, d.payload);
	}
}

/** The events of a session. */
export class Events {
	/** The topics that the session is subscribed to now. */
	readonly topics = new Set<string>();
	private readonly taps = new Set<Reader>();
	/** What nobody has wanted yet waits for who will. */
	private unclaimed = new Tap({});
	private over = false;

	receive(topic: string, kind: TopicChange, type: string, missed: number, payload: Uint8Array): void {
		if (kind === 'subscribed') this.topics.add(topic);
		if (kind === 'unsubscribed') this.topics.delete(topic);
		this.push(new Delivery(kind, topic, type, missed, payload));
	}

	private push(d: Delivery): void {
		const wanted = [...this.taps].filter((tap) => wants(tap.options, d));
		for (const tap of wanted.length ? wanted : [this.unclaimed]) tap.push(d);
	}

	/** Has a reader told of what arrives, and first of what nobody has wanted yet, until the function that is returned is called. */
	open(tap: Reader): () => void {
		const off = during(this.taps, tap);
		const before = this.unclaimed;
		this.unclaimed = new Tap({});
		for (let d = before.shift(); d; d = before.shift()) this.push(d);
		return off;
	}

	/** Yields what arrives, until it is left or the session ends. What arrived before anybody wanted it comes first. */
	iterate<T = Delivery>(options: EventOptions = {}, of?: (d: Delivery) => T | undefined): Iterated<T> {
		const tap = new Tap(options);
		const pull = (): [] | [T] | undefined => {
			for (let d = tap.shift(); d; d = tap.shift()) {
				const v = of ? of(d) : (d as T);
				if (v) return [v];
			}
			return this.over ? undefined : [];
		};
		const on = (wake: () => void): (() => void) => {
			tap.wake = wake;
			return this.open(tap);
		};
		return pulled(pull, on, options.signal);
	}

	end(): void {
		this.over = true;
		for (const tap of this.taps) tap.wake?.();
	}
}

/** An event of one of some types, or events that were missed and that none followed. */
export type TypedDelivery<T extends { readonly [name: string]: Type<unknown> }> =
	| { readonly [K in keyof T]: { readonly type: K; readonly event: TypeOf<T[K]>; readonly topic: string; readonly missed: number } }[keyof T]
	| { readonly type: 'missed'; readonly event: undefined; readonly topic: string; readonly missed: number };

/** Yields the events of a family with their types. Those of types that are not known are skipped: the peer is newer. */
export const typedEvents = <T extends { readonly [name: string]: Type<unknown> }>(session: { readonly events: Events['iterate'] }, family: string, types: T, options?: EventOptions): Iterated<TypedDelivery<T>> =>
	session.events({ ...options, family }, ({ kind, type, topic, missed, payload }) => {
		const name = kind === 'event' ? type.slice(family.length + 1) : '';
		const of = Object.hasOwn(types, name) ? types[name] : undefined;
		if (of) return { type: name, event: decode(of, payload), topic, missed } as TypedDelivery<T>;
		return kind === 'missed' ? { type: kind, event: undefined, topic, missed } : undefined;
	});
