/** What waits to be sent on lane 0 (clause 2.7). */
export class Control {
	/** The client has bound lane 0, or will with its first batch. */
	attached = false;
	/** A PING is to be sent, and with which token. */
	ping = false;
	token = 0;
	pongs: { id: number; exact: { id?: bigint } | undefined }[] = [];
	/** CREDIT for messages, large messages and streams is due. */
	messages = false;
	large = false;
	streams = false;
	/** Frames of a renewal of credentials (clause 15.8). */
	renewal: { kind: number; payload: Uint8Array }[] = [];

	get waits(): boolean {
		return this.ping || this.messages || this.large || this.streams || this.pongs.length > 0 || this.renewal.length > 0;
	}
}

/** A goodbye of the peer (clause 8.2). */
export interface Goodbye {
	readonly code: number;
	readonly reason: string;
	/** Milliseconds after which to come back, undefined for no advice. */
	readonly retryAfter: number | undefined;
	readonly nexts: readonly number[];
	/** The generation in which it came. */
	readonly generation: number;
}
