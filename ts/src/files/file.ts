import { Code, TwinwireError } from '../error.js';

/** What is known of a file before its content (clause 13.3). */
export interface FileInfo {
	/** A relative path with slashes. */
	readonly name: string;
	/** In bytes, undefined if it is not known. */
	readonly size: number | undefined;
	/** When it was last changed. */
	readonly time: Date | undefined;
	/** Permission bits, as of POSIX. */
	readonly mode: number | undefined;
	/** The SHA-256 of the content. */
	readonly sum: Uint8Array | undefined;
}

/** How far a transfer is. Sizes are in bytes. */
export interface Progress {
	/** The file, the number-th of files, counted from 1. */
	readonly name: string;
	readonly number: number;
	readonly files: number;
	/** How much of it the receiver will have when what was transferred has arrived, and of how much. */
	readonly done: number;
	readonly size: number | undefined;
	/** Where this transfer of it began: what the receiver had before. */
	readonly from: number;
}

/** What went wrong with one file. */
export class FileError extends TwinwireError {
	constructor(
		/** The name of the file. */
		readonly file: string,
		cause: unknown,
		/** What has come of it, for the next attempt: see IncomingFile.blob. */
		readonly partial?: Blob,
	) {
		super(cause instanceof TwinwireError ? cause.code : Code.Internal, cause instanceof Error ? cause.message : '', { cause });
	}
}

/** Some files did not arrive; the call may have succeeded nevertheless. The code is that of the first. */
export class FilesError extends TwinwireError {
	constructor(
		readonly files: readonly FileError[],
		/** The result of the call. */
		readonly result: unknown,
	) {
		super(files[0]?.code ?? Code.Internal, files.map((f) => `${f.file}: ${f.message}`).join('; '), { cause: files[0] });
	}
}
