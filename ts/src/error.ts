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

/** Their names, in this order. */
const names = /* @__PURE__ */ 'Accepted Rejected NotImplemented Unauthorized BadRequest Internal Canceled DeadlineExceeded NotFound AlreadyExists PermissionDenied ResourceExhausted FailedPrecondition Unavailable OutcomeUnknown ProtocolError VersionMismatch TooLarge SlowConsumer PeerDead Replaced Expired TakenOver'.split(' ');

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
		const name = names[code] ?? `Code${code}`;
		super(message || name, options);
		this.name = name;
		this.code = code;
		this.details = options.details;
		this.retryAfter = options.retryAfter;
		this.never = !!options.never;
		this.authenticate = !!options.authenticate;
	}
}

/** A violation of a clause of docs/protocol.md by the peer (clause 9.3). */
export const violation = (clause: number): TwinwireError => new TwinwireError(Code.ProtocolError, `the peer broke clause ${clause}`);

/** Throws a violation, unless what a clause demands is so. */
export function must(ok: unknown, clause: number): asserts ok {
	if (!ok) throw violation(clause);
}

/** The error of a wait that its AbortSignal ended. */
export function aborted({ reason: cause }: AbortSignal): TwinwireError {
	if (cause instanceof TwinwireError) return cause;
	const { name, message } = Object(cause) as Partial<Error>; // it may be anything
	return new TwinwireError(name === 'TimeoutError' ? Code.DeadlineExceeded : Code.Canceled, message, { cause });
}

/** Calls f when a signal is aborted, at once if it is. It returns what ends that. */
export function whenAborted(signal: AbortSignal | undefined, f: (why: TwinwireError) => void): () => void {
	const tell = (): void => f(aborted(signal as AbortSignal));
	signal?.addEventListener('abort', tell);
	if (signal?.aborted) tell();
	return () => signal?.removeEventListener('abort', tell);
}

/** An error of a platform or of a program as one of ours. */
export const wrapped = (cause: unknown, code: number = Code.Internal, message = ''): TwinwireError => (cause instanceof TwinwireError ? cause : new TwinwireError(code, message, { cause }));
