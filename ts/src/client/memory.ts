/** What is remembered of hosts between pages: localStorage, or anything like it. */
export interface Storage {
	getItem(key: string): string | null;
	setItem(key: string, v: string): void;
}

/** How long the wire that won is remembered, in milliseconds. */
const memoryTime = 24 * 3600 * 1000;

const key = (host: string): string => `twinwire.wire.${host}`;

/** Returns the storage of the platform, if it has one and lets it be used. */
export function platformStorage(): Storage | undefined {
	try {
		return (globalThis as { localStorage?: Storage }).localStorage;
	} catch {
		return undefined; // forbidden by the user
	}
}

/** Returns the wire that won the last race to a host. */
export function lastWinner(storage: Storage | undefined, host: string): string | undefined {
	try {
		const [wire, until] = storage?.getItem(key(host))?.split(' ') ?? [];
		return Number(until) > Date.now() ? wire : undefined;
	} catch {
		return undefined;
	}
}

export function rememberWinner(storage: Storage | undefined, host: string, wire: string): void {
	try {
		storage?.setItem(key(host), `${wire} ${Date.now() + memoryTime}`);
	} catch {
		// Full, or forbidden: the next race has a head start again.
	}
}
