/** The codes of docs/protocol.md, clause 9.1. Those from 1024 to 4095 are the application's. */
export enum Code {
	Accepted = 0,
	Rejected = 1,
	NotImplemented = 2,
	Unauthorized = 3,
	BadRequest = 4,
	Internal = 5,
	Canceled = 6,
	DeadlineExceeded = 7,
	NotFound = 8,
	AlreadyExists = 9,
	PermissionDenied = 10,
	ResourceExhausted = 11,
	FailedPrecondition = 12,
	Unavailable = 13,
	OutcomeUnknown = 14,
	ProtocolError = 15,
	VersionMismatch = 16,
	TooLarge = 17,
	SlowConsumer = 18,
	PeerDead = 19,
	Replaced = 20,
	Expired = 21,
	TakenOver = 22,
}

/** What a TwinwireError knows beside its code. */
export interface ErrorOptions {
	/** One MessagePack value of the application's (clause 6.7). */
	details?: Uint8Array | undefined;
	/** What led to it. */
	cause?: unknown;
	/** Milliseconds after which the server advises to try again. */
	retryAfter?: number | undefined;
	/** Trying again unchanged cannot help. */
	never?: boolean;
	/** Other credentials may help. */
	authenticate?: boolean;
}

/** The error of everything that twinwire does: a call, a stream, a session, a dial. */
export class TwinwireError extends Error {
	/** The outcome, one of Code or the application's own. */
	readonly code: number;
	/** MessagePack, as the peer sent it; decode it with a Type. */
	readonly details: Uint8Array | undefined;
	/** Advice of a server that refused, or that ended the session (clause 3.7). */
	readonly retryAfter: number | undefined;
	readonly never: boolean;
	readonly authenticate: boolean;

	constructor(code: number, message = '', options: ErrorOptions = {}) {
		const name = Code[code] ?? `Code${code}`;
		super(message || name, options);
		this.name = name;
		this.code = code;
		this.details = options.details;
		this.retryAfter = options.retryAfter;
		this.never = options.never === true;
		this.authenticate = options.authenticate === true;
	}

	/** Returns the code of an error: Internal for those of others. */
	static code(err: unknown): number {
		return err instanceof TwinwireError ? err.code : Code.Internal;
	}
}

/** A violation of a clause of docs/protocol.md by the peer (clause 9.3). */
export const violation = (clause: string): TwinwireError => new TwinwireError(Code.ProtocolError, `the peer broke clause ${clause}`);

/** The error of a wait that its AbortSignal ended. */
export function aborted(signal: AbortSignal): TwinwireError {
	const cause: unknown = signal.reason;
	if (cause instanceof TwinwireError) return cause;
	const timeout = cause instanceof Error && cause.name === 'TimeoutError';
	return new TwinwireError(timeout ? Code.DeadlineExceeded : Code.Canceled, cause instanceof Error ? cause.message : '', { cause });
}
