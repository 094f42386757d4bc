import type { Served } from './served.js';
import type { Topic } from './topics.js';

/** What one side lets the other have in flight (clause 5), and the sizes that it accepts. */
export interface Window {
	/** Calls that may run at once. */
	readonly calls: number;
	/** Messages that may be in flight. */
	readonly messages: number;
	/** Bytes of messages of several frames that may be in flight. */
	readonly large: number;
	/** Bytes of the largest message. */
	readonly max: number;
	/** Names that are remembered for each lane. */
	readonly names: number;
	/** Streams that may be open, and bytes of each that may be sent at first. */
	readonly streams: number;
	readonly stream: number;
}

/** What a session needs to know of the carrier that it runs on. */
export interface Binding {
	readonly generation: number;
	/** The lanes of the carrier are independent, each a pipe of its own. */
	readonly independent: boolean;
	/** Milliseconds of silence after which the peer is asked (clause 8.1). */
	readonly heartbeat: number;
	/** Milliseconds of a round trip, as far as the handshake has shown. */
	readonly trip: number;
	/** The numbers that the peer expects, and those that it was told, by lane (clause 14.2). */
	readonly nexts: readonly number[];
	readonly told: readonly number[];
}

export interface Config {
	readonly own: Window;
	readonly peer: Window;
	readonly lanes: number;
	/** Whether the session outlives its carriers (clause 14). */
	readonly keeps: boolean;
	readonly binding: Binding;
	readonly listener: Listener;
}

/** Who is told what arrives, after receive, in its order. */
export interface Listener {
	/** A snapshot, a delta or the end of a state. */
	state(name: string, change: 'snapshot' | 'delta' | 'end', version: number, payload: Uint8Array): void;
	event(topic: Topic, kind: 'subscribed' | 'unsubscribed' | 'event' | 'missed', type: string, missed: number, payload: Uint8Array): void;
	/** A call or message of the peer, to be served. */
	serve(call: Served): void;
	/** The answer of the server to a renewal of credentials (clause 15.8). */
	renewal(kind: number, payload: Uint8Array): void;
	/** The server will end the session within so many milliseconds, and may be there again so many later (clause 8.4). */
	leaving(within: number | undefined, retryAfter: number | undefined): void;
}

/** What waits in this side at most. */
export const limits = {
	/** Calls and messages that wait for a window, and their bytes. */
	queuedCalls: 4096,
	queuedBytes: 16 << 20,
	/** Replies that wait to be sent. */
	replyBytes: 16 << 20,
	/** Of a stream, what waits to be sent. */
	streamBuffer: 128 << 10,
	/** What is kept of each lane until it is acknowledged; of those of streams. */
	retention: 4 << 20,
	streamRetention: 16 << 20,
	/** How large the window of a stream becomes, and those of all together. */
	streamWindow: 4 << 20,
	streamWindows: 16 << 20,
	states: 64,
	topics: 16384,
} as const;
