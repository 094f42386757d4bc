import { Code, TwinwireError } from '../error.js';
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
export async function race(r: Race, signal: AbortSignal): Promise<Offer> {
	const all = new AbortController();
	const stop = (): void => all.abort(signal.reason);
	signal.addEventListener('abort', stop, { once: true });
	if (signal.aborted) stop();
	const errors: TwinwireError[] = [];
	const ready: Carrier[] = [];
	const timers: ReturnType<typeof setTimeout>[] = [];
	let greeting = 0;
	let patient = true;
	let started = 0;
	let over = false;
	try {
		return await new Promise<Offer>((resolve, reject) => {
			const failed = (wire: Wire, err: unknown): void => {
				const error = err instanceof TwinwireError ? err : new TwinwireError(Code.Unavailable, '', { cause: err });
				if (error.cause === refused) return reject(error);
				errors.push(new TwinwireError(error.code, `${wire.name}: ${error.message}`, { cause: error }));
				next();
				if (errors.length === r.wires.length) reject(errors.length === 1 ? error : new TwinwireError(Code.Unavailable, `could not connect: ${errors.map((e) => e.message).join('; ')}`, { cause: errors }));
			};
			const greet = (wire: Wire, carrier: Carrier): void => {
				greeting++;
				timers.push(
					setTimeout(() => {
						patient = false;
						hello();
					}, helloPatience),
				);
				r.greet(carrier, all.signal).then(
					(offer) => (over ? offer.carrier.close(Code.Replaced, 'another wire was faster') : resolve(offer)),
					(err: unknown) => {
						greeting--;
						failed(wire, err);
						hello();
					},
				);
			};
			const names = new Map<Carrier, Wire>();
			/** Has a wire that is ready say hello, if it is its turn. */
			const hello = (): void => {
				const carrier = over || (greeting > 0 && patient) ? undefined : ready.shift();
				if (carrier) greet(names.get(carrier) as Wire, carrier);
			};
			const next = (): void => {
				const wire = over ? undefined : r.wires[started++];
				if (!wire) return;
				wire.dial(r.target, all.signal).then(
					(carrier) => {
						if (over) return carrier.close(Code.Replaced, 'another wire was faster');
						names.set(carrier, wire);
						ready.push(carrier);
						hello();
					},
					(err: unknown) => failed(wire, err),
				);
				timers.push(setTimeout(next, r.headStart));
			};
			next();
		});
	} finally {
		over = true;
		signal.removeEventListener('abort', stop);
		for (const t of timers) clearTimeout(t);
		all.abort();
		for (const carrier of ready) carrier.close(Code.Replaced, 'another wire was faster');
	}
}
