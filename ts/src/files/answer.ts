import { wrapped } from '../error.js';
import { incoming, openOut } from '../machine/streams.js';
import type { Request } from '../session/serve.js';
import { type FileError, FilesError } from './file.js';
import { type FetchOptions, type IncomingFile, receive } from './receive.js';
import { checked, type OutgoingFile, Sender, type SendOptions } from './send.js';
import { Conversation, slotDown, slotUp } from './wire.js';

/** Has a conversation about files in a call of the server; the caller of this serves it. */
async function converse({ link, call }: Request, slot: number, talk: (c: Conversation) => Promise<FileError[]>): Promise<void> {
	const c = new Conversation(link, openOut(link.machine, call, slot, true), incoming(link.machine, call, slot));
	link.kick();
	const bad = await talk(c).catch((err: unknown) => {
		c.giveUp(wrapped(err));
		throw err;
	});
	if (bad.length) throw new FilesError(bad, undefined);
}

/**
 * Sends files with the answer to a call of the server, which takes them with
 * files.Fetch. A handler waits for it; it rejects as sendFiles does.
 */
export async function answerFiles(request: Request, files: Iterable<File | OutgoingFile>, { progress = () => {} }: Pick<SendOptions, 'progress'> = {}): Promise<void> {
	const all = checked(files);
	await converse(request, slotDown, (c) => new Sender(c, all, progress).run());
}

/**
 * Takes the files that came with a call of the server, by files.Call. take and
 * what it rejects with are those of fetchFiles. A handler waits for it.
 */
export const takeFiles = (request: Request, take: (file: IncomingFile) => unknown, options: FetchOptions = {}): Promise<void> => converse(request, slotUp, (c) => receive(c, take, options));
