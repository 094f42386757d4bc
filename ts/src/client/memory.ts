/** What is remembered of hosts between pages: localStorage, or anything like it. */
export interface Storage {
	getItem(key: string): string | null;
	setItem(key: string, v: string): void;
}

/** How long the wire that won is remembered, in milliseconds. */
const memoryTime = 24 * 3600 * 1000;

/** Remembers which wire won the last race to a host, and returns the one that did before. A storage may be full, or forbidden. */
export function winner(given: Storage | undefined, host: string, won?: string): string | undefined {
	const key = `twinwire.wire.${host}`;
	try {
		const storage = given ?? (globalThis as { localStorage?: Storage }).localStorage;
		if (won) storage?.setItem(key, `${won} ${Date.now() + memoryTime}`);
		const [wire, until] = storage?.getItem(key)?.split(' ') ?? [];
		if (Number(until) > Date.now()) return wire;
	} catch {
		// The next race has a head start again.
	}
	return undefined;
}
