import { decode } from '../codec/types.js';
import { incoming, openOut } from '../machine/streams.js';
import type { CallOptions, Method, Session } from '../session/session.js';
import { type FileError, FilesError } from './file.js';
import { Conversation } from './wire.js';

/** Makes a call, and has a conversation about files in it. talk returns what went wrong with files. */
export async function converse<A, R>(session: Session, method: Method<A, R>, args: A, options: CallOptions, slot: number, talk: (c: Conversation) => Promise<FileError[]>): Promise<R> {
	const { link } = session;
	const { call, outcome, cancel } = session.exchange(method, args, options);
	const c = new Conversation(link, openOut(link.machine, call, slot, true), incoming(link.machine, call, slot));
	let failed: unknown;
	let timer: ReturnType<typeof setTimeout> | undefined;
	let canceled = false;
	const errors = talk(c).catch((err: unknown): FileError[] => {
		failed = err;
		// The answer may say more.
		timer = setTimeout(() => {
			canceled = true;
			cancel();
		}, patience);
		return [];
	});
	try {
		const { payload } = await outcome;
		const result = method.result && payload.length ? decode(method.result, payload) : (method.result?.zero() as R);
		const bad = await errors;
		if (failed) throw failed;
		if (bad.length) throw new FilesError(bad, result);
		return result;
	} catch (err) {
		await errors;
		throw canceled ? failed : err;
	} finally {
		clearTimeout(timer);
	}
}

/** How long a peer may take to answer a call whose conversation has failed, in milliseconds. */
const patience = 5000;
