import type { Frame } from '../frame/frame.js';
import type { InStream, OutStream } from './streams.js';

/** What one side lets the other have in flight (clause 5), and the sizes that it accepts. The names are those of the hello. */
export interface Window {
	/** Calls that may run at once, messages that may be in flight. */
	readonly calls: number;
	readonly msgs: number;
	/** Bytes of messages of several frames that may be in flight, and of the largest message. */
	readonly large: number;
	readonly max: number;
	/** Names that are remembered for each lane. */
	readonly names: number;
	/** Streams that may be open, and bytes of each that may be sent at first. */
	readonly streams: number;
	readonly stream: number;
	/** What the server's WELCOME names (clause 7.6). */
	readonly features?: readonly string[];
}

/** What a session needs to know of the carrier that it runs on. The names are those of WELCOME, where it says so. */
export interface Binding {
	/** The generation. */
	readonly gen: number;
	/** The lanes of the carrier are independent, each a pipe of its own. */
	readonly independent: boolean;
	/** Milliseconds of silence after which the peer is asked (clause 8.1). */
	readonly ping: number;
	/** Milliseconds of a round trip, as far as the handshake has shown. */
	readonly trip: number;
	/** The numbers that the peer expects, and those that it was told, by lane (clause 14.2). */
	readonly nexts: readonly number[];
	readonly told: readonly number[];
}

/** A state or a topic of the peer. */
export interface Topic {
	readonly name: string;
	version: number;
}

/** What arrives of a topic. */
export type TopicChange = 'event' | 'subscribed' | 'unsubscribed' | 'missed';

/** Who is told what arrives, in its order. */
export interface Listener {
	/** A frame of a state with its flags (clause 6.9), and the version that it leads to. */
	state(name: string, flags: number, version: number, payload: Uint8Array): void;
	event(topic: string, kind: TopicChange, type: string, missed: number, payload: Uint8Array): void;
	/** The answer of the server to a renewal of credentials (clause 15.8). */
	renewal(kind: number, payload: Uint8Array): void;
	/** The server will end the session within so many milliseconds, and may be there again so many later (clause 8.4). */
	leaving(said: { readonly within: number | undefined; readonly retryAfter: number | undefined }): void;
}

/** What serves the calls of the peer. A client without one answers that it does not know their methods. */
export interface Serving {
	/** Takes a CALL, a MESSAGE or a CANCEL. */
	receive(f: Frame): void;
	/** Finds a call of the peer that is running, or whose streams arrive before it; the first of those may just begin. */
	party(id: number, begins: boolean): Party | undefined;
	parties(): Iterable<Party>;
	/** Takes note that a stream of this side is over. */
	ready(party: Party): void;
	/** Whether replies wait for streams. */
	readonly waits: boolean;
	end(): void;
}

/** One end of a call, as its streams see it (clause 12.1). */
export interface Party {
	id: number;
	/** This end serves the call. */
	readonly callee: boolean;
	readonly outs: OutStream[];
	readonly ins: InStream[];
	/** Streams of this end that began. */
	began: number;
	/** Its streams are over. */
	settled: boolean;
}

/** What waits in this side at most. */
export enum Limit {
	/** Calls and messages that wait for a window, and their bytes. */
	QueuedCalls = 4096,
	QueuedBytes = 16 << 20,
	/** Replies that wait to be sent. */
	ReplyBytes = 16 << 20,
	/** Of a stream, what waits to be sent. */
	StreamBuffer = 128 << 10,
	/** What is kept of each lane until it is acknowledged; of those of streams. */
	Retention = 4 << 20,
	StreamRetention = 16 << 20,
	/** By how much the window of a stream grows when it is of more than one frame, and those of all together. */
	StreamWindow = 1 << 20,
	StreamWindows = 16 << 20,
	States = 64,
	Topics = 16384,
}
