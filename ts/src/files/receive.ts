import { Code, TwinwireError, wrapped } from '../error.js';
import type { CallOptions, Method, Session } from '../session/session.js';
import { converse } from './call.js';
import { FileError, type FileInfo, type Progress } from './file.js';
import { isName } from './name.js';
import { chunks } from './send.js';
import { same, Sha256 } from './sha256.js';
import { broken, type Conversation, Entry, ends, Head, Mark, slotDown, told, unwilling } from './wire.js';

export interface FetchOptions extends CallOptions {
	/** Called when a file begins, and while it goes on. */
	progress?: ((p: Progress) => void) | undefined;
	/** How many files are taken, and how many bytes of each and of all. Defaults 1,000, 100 MiB and 4 GiB. */
	maxFiles?: number | undefined;
	maxFileBytes?: number | undefined;
	maxTotalBytes?: number | undefined;
}

/**
 * Calls a method whose handler sends files with files.Send. take is called with
 * one after another; what it has not taken when it returns is refused, and so are
 * all others when it throws anything but the FileError of its file. It rejects with
 * the error of the call, or with a FilesError if files that were taken are not whole.
 */
export function fetchFiles<A, R>(session: Session, method: Method<A, R>, args: A, take: (file: IncomingFile) => unknown, options: FetchOptions = {}): Promise<R> {
	return converse(session, method, args, options, slotDown, async (c) => {
		try {
			return await receive(c, take, options);
		} catch (err) {
			c.giveUp(wrapped(err));
			throw err;
		}
	});
}

/** Takes the files of a conversation, and returns what went wrong with them. */
export async function receive(c: Conversation, take: (file: IncomingFile) => unknown, options: FetchOptions): Promise<FileError[]> {
	const { maxFiles = 1000, maxFileBytes = 100 << 20, maxTotalBytes = 2 ** 32, progress = () => {} } = options;
	const head = await c.hear(Head, unwilling);
	const refusal = told(head);
	if (refusal) throw refusal;
	const { files } = head;
	if (files === null) throw broken();
	const tooLarge = (what: string): TwinwireError => new TwinwireError(Code.TooLarge, what);
	if (files > maxFiles) throw tooLarge('too many files');
	const infos: FileInfo[] = [];
	const names = new Set<string>();
	let total = 0;
	for (let i = 0; i < files; i++) {
		const { name, size, time, mode, sum } = await c.hear(Entry);
		if (!isName(name) || names.has(name)) throw broken();
		names.add(name);
		if ((size ?? 0) > maxFileBytes || (total += size ?? 0) > maxTotalBytes) throw tooLarge('files are too large');
		infos.push({ name, size: size ?? undefined, time: time ?? undefined, mode: mode ?? undefined, sum: sum ?? undefined });
	}
	const errors: FileError[] = [];
	const count = (f: IncomingFile, n: number): void => {
		if (f.info.size === undefined) total += n;
		if (f.size > Math.min(maxFileBytes, f.info.size ?? maxFileBytes) || total > maxTotalBytes) throw tooLarge('file is too large');
	};
	for (const [i, info] of infos.entries()) {
		const tell = (done: number, from: number): void => progress({ name: info.name, number: i + 1, files, done, size: info.size, from });
		const f = new IncomingFile(info, c, i, count, tell);
		try {
			await take(f);
		} catch (err) {
			if (err !== f.error) throw err; // that of one file does not end the others
		}
		await f.leave();
		if (f.error) errors.push(f.error);
	}
	c.end();
	if (!(await c.done())) throw broken();
	return errors;
}

/** A file that the peer sends. It is taken once, as a Blob or as a stream, or refused; afterwards its methods fail. */
export class IncomingFile {
	/**
	 * What went wrong after it was wanted.
	 * @internal
	 */
	error: FileError | undefined;
	private hash = new Sha256();
	/** The receiver has said what it wants; and its last word. */
	private answered = false;
	private over = false;
	/** The sender has said where the content begins; and that it has ended. */
	private begun = false;
	private ended = false;
	private from = 0;
	/** Bytes of the piece that follow. */
	private left = 0;

	/** @internal */
	constructor(
		readonly info: FileInfo,
		private readonly c: Conversation,
		private readonly number: number,
		private readonly count: (f: IncomingFile, n: number) => void,
		private readonly tell: (done: number, from: number) => void,
	) {}

	/**
	 * How much of the content has come.
	 * @internal
	 */
	get size(): number {
		return this.hash.size;
	}

	/**
	 * Takes the content, whole and verified. An attempt before may have left a part of it, the partial of
	 * its FileError: what comes then is the rest, if the file still begins with that.
	 */
	async blob(partial?: Blob): Promise<Blob> {
		let parts: Blob[] = partial ? [partial] : [];
		try {
			const at = await this.want(partial);
			if (!at) parts = [];
			// Blobs are kept outside of the memory of scripts.
			for (let b = await this.next(); b; b = await this.next()) parts.push(new Blob([b as Uint8Array<ArrayBuffer>]));
			return new Blob(parts);
		} catch (err) {
			// What the sender has ended is not what was announced, or never will be.
			throw await this.fail(err, this.ended ? undefined : new Blob(parts));
		}
	}

	/** Takes the content as it comes. The stream ends only when it was whole and verified; otherwise it fails. Canceling it refuses the rest. */
	stream(): ReadableStream<Uint8Array> {
		let wanted: Promise<number> | undefined;
		return new ReadableStream<Uint8Array>(
			{
				pull: async (controller) => {
					try {
						await (wanted ??= this.want());
						const b = await this.next();
						if (b) controller.enqueue(b);
						else controller.close();
					} catch (err) {
						throw await this.fail(err);
					}
				},
				cancel: () => this.refuse(),
			},
			{ highWaterMark: 0 },
		);
	}

	/** Says that the file is not wanted, or not any more. */
	async refuse(code: number = Code.Rejected, text = 'file is not wanted'): Promise<void> {
		await this.say(new TwinwireError(code, text));
	}

	/** Asks for the content, and returns where it begins (clauses 13.4 and 13.5). */
	private async want(partial?: Blob): Promise<number> {
		if (this.answered || this.over) throw new TwinwireError(Code.FailedPrecondition, 'file was taken or refused');
		this.answered = true;
		if (partial) for await (const b of chunks(partial)) this.hash.update(b);
		const at = this.size;
		await this.c.say({ file: this.number, at, sum: at ? this.hash.digest() : undefined });
		const mark = await this.mark();
		if (mark !== at && mark !== 0) throw broken();
		if (!mark) this.hash = new Sha256();
		this.from = mark;
		this.count(this, mark);
		this.tell(mark, mark);
		return mark;
	}

	/** Reads where the content begins. It throws why there is none. */
	private async mark(): Promise<number> {
		const mark = await this.c.hear(Mark);
		this.begun = true;
		const error = told(mark);
		if (mark.at === null) this.ended = true;
		if (error) throw error;
		if (mark.at === null) throw broken();
		return mark.at;
	}

	/** Returns more of the content, undefined when it was whole and verified. */
	private async next(): Promise<Uint8Array | undefined> {
		const b = await this.piece();
		if (b) {
			this.hash.update(b);
			this.count(this, b.length);
			this.tell(this.size, this.from);
			return b;
		}
		const { info, size } = this;
		const end = await this.end();
		const sum = this.hash.digest();
		if (end.size !== size || !same(sum, end.sum) || (info.size ?? size) !== size || (info.sum && !same(sum, info.sum))) throw new TwinwireError(Code.FailedPrecondition, 'content is not what was announced');
		await this.say();
		return undefined;
	}

	/** Reads on in the pieces, undefined behind the last (clause 13.6). */
	private async piece(): Promise<Uint8Array | undefined> {
		if (!this.left) this.left = await this.c.length();
		if (!this.left) return undefined;
		const b = await this.c.some(this.left);
		this.left -= b.length;
		return b;
	}

	/** Reads the end of the content. It throws why it is none. */
	private async end(): Promise<{ readonly size: number | null; readonly sum: Uint8Array | null }> {
		const mark = await this.c.hear(Mark);
		this.ended = true;
		if (mark.at !== null) throw broken();
		const error = told(mark);
		if (error) throw error;
		return mark;
	}

	/** Says the last word about the file (clause 13.8), once. */
	private async say(error?: TwinwireError): Promise<void> {
		if (this.over) return;
		this.over = true;
		await this.c.say({ file: this.number, ...ends(error) });
	}

	/** Tells the peer what went wrong, and returns that. */
	private async fail(cause: unknown, partial?: Blob): Promise<FileError> {
		const error = wrapped(cause);
		// The sender's own word, and the end of everything, it knows.
		await this.say(error).catch(() => {});
		return (this.error ??= new FileError(this.info.name, error, partial));
	}

	/**
	 * Ends the file: refuses what was not taken of it, and skips what still comes.
	 * @internal
	 */
	async leave(): Promise<void> {
		if (!this.over) await this.refuse();
		try {
			if (!this.begun) await this.mark();
			if (!this.ended) {
				while (await this.piece());
				await this.end();
			}
		} catch (err) {
			if (!this.ended) throw err; // of the conversation
		}
	}
}
