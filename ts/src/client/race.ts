import { aborted, Code, TwinwireError, wrapped } from '../error.js';
import type { Carrier, Target, Wire } from '../wires/carrier.js';
import { type Offer, refused } from './greet.js';

/** How long the wire that was ready first may wait for the server before the other says hello too, in milliseconds. */
const helloPatience = 1000;

/** One dial: the wires race for being ready, the winner says hello (clause 3.6). */
export interface Race {
	readonly target: Target;
	/** The best one first. */
	readonly wires: readonly Wire[];
	/** Milliseconds that each wire after the first waits for those before it. */
	readonly headStart: number;
	readonly greet: (carrier: Carrier, signal: AbortSignal) => Promise<Offer>;
}

/** Runs a race. It rejects with the server's refusal, or with what went wrong on each wire. */
export async function race({ target, wires, headStart, greet }: Race, signal: AbortSignal): Promise<Offer> {
	if (signal.aborted) throw aborted(signal);
	const all = new AbortController();
	const stop = AbortSignal.any([signal, all.signal]);
	const errors: TwinwireError[] = [];
	const ready: [Wire, Carrier][] = [];
	const timers: ReturnType<typeof setTimeout>[] = [];
	const waiting = [...wires];
	let greeting = 0;
	let over = false;
	const leave = (carrier: Carrier): void => carrier.close(Code.Replaced, '');
	try {
		return await new Promise<Offer>((resolve, reject) => {
			const failed = (wire: Wire, cause: unknown): void => {
				const error = wrapped(cause, Code.Unavailable);
				if (error.cause === refused) return reject(error);
				errors.push(new TwinwireError(error.code, `${wire.name}: ${error.message}`, { cause: error }));
				next();
				if (errors.length === wires.length) reject(errors.length > 1 ? new TwinwireError(Code.Unavailable, errors.map((e) => e.message).join('; '), { cause: errors }) : error);
			};
			/** Has a wire that is ready say hello, if it is its turn. */
			const hello = (most = 1): void => {
				const [wire, carrier] = over || greeting >= most ? [] : (ready.shift() ?? []);
				if (!wire || !carrier) return;
				greeting++;
				timers.push(setTimeout(hello, helloPatience, Infinity));
				greet(carrier, stop).then(
					(offer) => (over ? leave(offer.carrier) : resolve(Object.assign(offer, { failed: errors }))),
					(err: unknown) => {
						greeting--;
						failed(wire, err);
						hello();
					},
				);
			};
			const next = (): void => {
				const wire = over ? undefined : waiting.shift();
				if (!wire) return;
				wire.dial(target, stop).then(
					(carrier) => {
						if (over) return leave(carrier);
						ready.push([wire, carrier]);
						hello();
					},
					(err: unknown) => failed(wire, err),
				);
				timers.push(setTimeout(next, headStart));
			};
			next();
		});
	} finally {
		over = true;
		timers.forEach(clearTimeout);
		all.abort();
		for (const [, carrier] of ready) leave(carrier);
	}
}
