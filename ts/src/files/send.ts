import { Code, TwinwireError, wrapped } from '../error.js';
import { concat } from '../frame/varint.js';
import type { CallOptions, Method, Session } from '../session/session.js';
import { converse } from './call.js';
import { FileError, type Progress } from './file.js';
import { isName } from './name.js';
import { same, Sha256 } from './sha256.js';
import { broken, type Conversation, ends, Reply, slotUp, told, unwilling } from './wire.js';

/** A file to send: a File is one, too. */
export interface OutgoingFile {
	/** A relative path with slashes; see isName. */
	readonly name: string;
	readonly content: Blob | Uint8Array;
	readonly time?: Date | undefined;
	/** Permission bits, as of POSIX. */
	readonly mode?: number | undefined;
}

export interface SendOptions extends CallOptions {
	/** Called when a file begins, and while it goes on. */
	progress?: ((p: Progress) => void) | undefined;
}

/** Bytes of a piece (clause 13.6): a frame has room for it. */
const pieceSize = 16 << 10;

/**
 * Calls a method and sends files with it, whose handler takes them with files.Save
 * or files.Incoming. A transfer goes on over other wires like the session. Of one
 * that was interrupted, in another session or call, only what the receiver has not
 * got is sent again, if the file still begins with what it has.
 *
 * It rejects with the error of the call, or with a FilesError if the receiver has
 * not got all files, whole and verified.
 */
export function sendFiles<A, R>(session: Session, method: Method<A, R>, args: A, files: Iterable<File | OutgoingFile>, options: SendOptions = {}): Promise<R> {
	let all: OutgoingFile[];
	try {
		all = checked(files);
	} catch (err) {
		return Promise.reject(err);
	}
	return converse(session, method, args, options, slotUp, (c) => new Sender(c, all, options.progress ?? (() => {})).run());
}

/** Returns files as they are sent. It throws for names that cannot be. */
export function checked(files: Iterable<File | OutgoingFile>): OutgoingFile[] {
	const all = Array.from(files, (f): OutgoingFile => (f instanceof Blob ? { name: f.name, content: f, time: new Date(f.lastModified) } : f));
	const bad = all.find((f, i) => !isName(f.name) || all.findIndex((g) => g.name === f.name) < i);
	if (bad) throw new TwinwireError(Code.BadRequest, `${bad.name}: not a name for a file, or there twice`);
	return all;
}

/** What is known of a file at its sender. */
interface Sending {
	readonly file: OutgoingFile;
	readonly blob: Blob;
	/** From where the receiver wants it. */
	want?: Reply;
	/** Its end has been sent, or is about to be. */
	sent?: boolean;
	/** The receiver has said its last word. */
	ended?: boolean;
	error?: TwinwireError | undefined;
}

export class Sender {
	private readonly states: readonly Sending[];
	/** Why nothing more is heard. */
	private error: TwinwireError | undefined;
	private wake = (): void => {};

	constructor(
		private readonly c: Conversation,
		files: readonly OutgoingFile[],
		private readonly progress: (p: Progress) => void,
	) {
		this.states = files.map((file) => ({ file, blob: file.content instanceof Blob ? file.content : new Blob([file.content as Uint8Array<ArrayBuffer>]) }));
	}

	/** Sends everything, and returns what went wrong with files. */
	async run(): Promise<FileError[]> {
		const { c, states } = this;
		const heard = this.hear();
		try {
			await c.say({ files: states.length });
			for (const { file, blob } of states) await c.say({ name: file.name, size: blob.size, time: file.time, mode: file.mode });
			for (const s of states) await this.send(s);
			c.end();
			await this.until(() => states.every((s) => s.ended));
		} catch (err) {
			c.giveUp(wrapped(err));
			throw err;
		} finally {
			await heard;
		}
		return states.flatMap((s) => (s.error ? [new FileError(s.file.name, s.error)] : []));
	}

	/** Takes what the receiver says. */
	private async hear(): Promise<void> {
		try {
			while (!this.states.every((s) => s.ended)) {
				this.take(await this.c.hear(Reply, unwilling));
				this.wake();
			}
		} catch (err) {
			this.error = wrapped(err);
			this.wake();
		}
	}

	private take(r: Reply): void {
		const s = this.states[r.file];
		const wants = r.at !== null;
		if (!s || s.ended || wants === (r.code !== null) || (wants && (s.want || r.at > 0 !== !!r.sum)) || (r.code === Code.Accepted && !s.sent)) throw broken();
		if (wants) s.want = r;
		else {
			s.ended = true;
			s.error ??= told(r);
		}
	}

	private async until(ready: () => unknown): Promise<void> {
		while (!ready()) {
			if (this.error) throw this.error;
			await new Promise<void>((wake) => (this.wake = wake));
		}
	}

	/** Sends one file as far as the receiver wants it (clauses 13.5 to 13.7). */
	private async send(s: Sending): Promise<void> {
		const { c, states } = this;
		const { blob, file } = s;
		await this.until(() => s.want || s.ended);
		const { hash, from } = s.ended ? { hash: new Sha256(), from: 0 } : await resumed(blob, s.want as Reply);
		const tell = (): void => this.progress({ name: file.name, number: states.indexOf(s) + 1, files: states.length, done: hash.size, size: blob.size, from });
		if (!s.ended) {
			await c.say({ at: from });
			tell();
			try {
				for await (const b of chunks(blob.slice(from))) {
					for (let at = 0; at < b.length && !s.ended; at += pieceSize) {
						const piece = b.subarray(at, at + pieceSize);
						hash.update(piece);
						await c.send(concat([Uint8Array.of(piece.length >> 8, piece.length), piece]));
						tell();
					}
					if (s.ended) break;
				}
			} catch (err) {
				if (err instanceof TwinwireError) throw err; // of the stream
				s.error = new TwinwireError(Code.Internal, 'source cannot be read', { cause: err });
			}
			await c.send(new Uint8Array(2));
		}
		s.sent = true;
		await c.say(s.error ? ends(s.error) : { size: hash.size, sum: hash.digest() });
	}
}

/** Returns where the content begins: behind what the receiver has if the blob begins with that, and the hash so far. */
async function resumed(blob: Blob, { at, sum }: Reply): Promise<{ hash: Sha256; from: number }> {
	if (at && at <= blob.size) {
		const hash = new Sha256();
		for await (const b of chunks(blob.slice(0, at))) hash.update(b);
		if (same(hash.digest(), sum)) return { hash, from: at };
	}
	return { hash: new Sha256(), from: 0 };
}

/** Iterates over a blob; not every browser iterates over streams. */
export async function* chunks(blob: Blob): AsyncGenerator<Uint8Array> {
	const reader = blob.stream().getReader();
	try {
		for (let r = await reader.read(); !r.done; r = await reader.read()) yield r.value;
	} finally {
		reader.cancel().catch(() => {});
	}
}
