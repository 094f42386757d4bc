/** What a carrier tells of (clause 1.1). */
export interface Receiver {
	/** Whole frames arrived in a pipe. They are not changed any more. */
	frames(pipe: number, b: Uint8Array): void;
	/** More may be sent. */
	ready(): void;
	/** The carrier has ended: the peer closed it with a code, or it broke. It may be said again, and after close. */
	closed(code: number | undefined, reason: string): void;
}

/** What a carrier has of datagrams: that of WebTransport. Browsers have one of the two ways to write. */
export interface Datagrams {
	readonly readable: ReadableStream<Uint8Array>;
	readonly maxDatagramSize: number;
	readonly writable?: unknown;
	createWritable?(): unknown;
}

/** One live connection over one wire. It promises whole frames, in order within a lane, or an error. */
export interface Carrier {
	/** The name of the wire: "websocket", "webtransport". */
	readonly wire: string;
	/** Its lanes are independent, each a pipe of its own (clause 4.4). If not, there is one pipe. */
	readonly independent: boolean;
	/** Who is told. It is set before anything is sent, and may change. */
	receiver: Receiver;
	/** Datagrams beside the lanes, on wires that have them (clause 7.8). */
	readonly datagrams?: Datagrams | undefined;
	/** Whether a batch would leave soon; if not, ready is called when it would. */
	writable(pipe: number): boolean;
	/** Sends a batch in a pipe. */
	send(pipe: number, b: Uint8Array): void;
	/** Closes it with a code and a reason of at most 120 bytes (clause 10). What is sent then is dropped. */
	close(code: number, reason: string): void;
}

/** Where a dial goes. */
export interface Target {
	/** host:port as in a URL. */
	readonly host: string;
	/** The path and the query. */
	readonly path: string;
	readonly plaintext: boolean;
}

/** A way to a server. */
export interface Wire {
	readonly name: string;
	/** Opens a carrier. It throws a TwinwireError, and gives up when the signal is aborted. */
	dial(target: Target, signal: AbortSignal): Promise<Carrier>;
}

/** The receiver of a carrier that nobody has taken yet. */
export const nobody: Receiver = { frames: () => {}, ready: () => {}, closed: () => {} };
