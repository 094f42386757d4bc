/** What is remembered of hosts between pages: localStorage, or anything like it. */
export interface Storage {
	getItem(key: string): string | null;
	setItem(key: string, v: string): void;
}

/** Remembers which wire won the last race to a host, and returns the one that did before. A storage may be full, or forbidden. */
export function winner(given: Storage | undefined, host: string, won?: string): string | null | undefined {
	const key = `twinwire.wire.${host}`;
	try {
		const storage = given ?? (globalThis as { localStorage?: Storage }).localStorage;
		if (won) storage?.setItem(key, won);
		return storage?.getItem(key);
	} catch {
		return undefined; // the next race has a head start again
	}
}
