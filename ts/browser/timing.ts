// What bench.mjs measures in a page: when its first call was answered, counted
// from the navigation, and how long calls take then.
import { connect, webSocket, webTransport } from '../src/index.js';
import { lab } from '../test/lab.js';

const calls = 500;

async function measure(): Promise<{ first: number; trip: number }> {
	const query = new URLSearchParams(location.search);
	const hash = Uint8Array.from(atob(query.get('hash') ?? ''), (c) => c.charCodeAt(0));
	const wire = query.get('wire') === 'webtransport' ? webTransport([hash]) : webSocket();
	await using s = await connect(query.get('address') ?? '', { wires: [wire] });
	const call = (): Promise<unknown> => s.call(lab.divide, { a: 17n, b: 5n });
	await call();
	const first = performance.now();
	const trips: number[] = [];
	for (let n = 0; n < calls; n++) {
		const began = performance.now();
		await call();
		trips.push(performance.now() - began);
	}
	trips.sort((a, b) => a - b);
	return { first, trip: trips[calls >> 1] ?? 0 };
}

Object.assign(globalThis, { measured: measure() });
