import { aborted, Code, TwinwireError, whenAborted, wrapped } from '../error.js';
import type { Carrier, Target, Wire } from '../wires/carrier.js';
import { type Greeting, refused } from './greet.js';

/** What came of a race. */
export interface Offer extends Greeting {
	/** Why better wires were not had, as far as that is known. */
	readonly failed: readonly TwinwireError[];
}

/** One dial: each wire says hello when it is ready, with the same attempt id, and the first that is welcome wins (clause 3.6). */
export interface Race {
	readonly target: Target;
	/** The best one first. */
	readonly wires: readonly Wire[];
	/** Milliseconds that each wire after the first waits for those before it. */
	readonly headStart: number;
	readonly greet: (carrier: Carrier, signal: AbortSignal) => Promise<Greeting>;
}

/** Runs a race. It rejects with the server's refusal, or with what went wrong on each wire. */
export async function race({ target, wires, headStart, greet }: Race, signal: AbortSignal): Promise<Offer> {
	const all = new AbortController();
	const stop = AbortSignal.any([signal, all.signal]);
	const failed: TwinwireError[] = [];
	const waiting = [...wires];
	let timer: ReturnType<typeof setTimeout> | undefined;
	const end = (): void => {
		waiting.length = 0;
		clearTimeout(timer);
		all.abort(new TwinwireError(Code.Replaced));
	};
	try {
		return await new Promise<Offer>((resolve, reject) => {
			whenAborted(stop, reject);
			const run = async (wire: Wire): Promise<void> => {
				try {
					const offer = await greet(await wire.dial(target, stop), stop);
					if (stop.aborted) {
						offer.carrier.close(Code.Replaced, '');
						throw aborted(stop);
					}
					resolve({ ...offer, failed: [...failed] });
					end();
				} catch (cause) {
					const error = wrapped(cause, Code.Unavailable);
					if (error.cause === refused) return reject(error);
					failed.push(new TwinwireError(error.code, `${wire.name}: ${error.message}`, { cause: error }));
					if (failed.length === wires.length) reject(failed.length > 1 ? new TwinwireError(Code.Unavailable, failed.map((e) => e.message).join('; '), { cause: failed }) : error);
					next();
				}
			};
			const next = (): void => {
				clearTimeout(timer);
				const wire = waiting.shift();
				if (!wire) return;
				timer = setTimeout(next, headStart);
				void run(wire);
			};
			next();
		});
	} finally {
		end();
	}
}
