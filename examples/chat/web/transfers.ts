// Files that go up and come down. They are streams of calls, and go on over
// another wire like everything else.
import { TwinwireError } from 'twinwire';
import { el } from '../../internal/page/dom.js';
import type { ChatClient, File as SharedFile } from './chat.js';
import { type Conversation, FileCard, size } from './conversation.js';

const maxBytes = 16 << 20;

export const reason = (err: unknown): string => (err instanceof TwinwireError ? err.message : String(err));

/** Uploads a file into the room, and shows how far it is. */
export async function upload(c: ChatClient, to: Conversation, file: globalThis.File): Promise<void> {
	if (file.size > maxBytes) return to.notice(`${file.name} has ${size(file.size)}; a file has at most 16 MiB`, 'bad');
	const stop = new AbortController();
	const card = new FileCard(file.name, 'Sharing…', { text: 'Cancel', label: `Cancel sharing ${file.name}`, click: () => stop.abort() });
	const item = to.put(el('li', { class: 'said own first' }, el('div', { class: 'body' }, card.element)));
	let sent = 0;
	const counted = file.stream().pipeThrough(
		new TransformStream<Uint8Array, Uint8Array>({
			transform(chunk, controller) {
				sent += chunk.length;
				card.progress(sent / file.size, `${size(sent)} of ${size(file.size)}`);
				controller.enqueue(chunk);
			},
		}),
	);
	try {
		await c.put(file.name, counted, { signal: stop.signal });
		item.remove(); // the message of it is there
	} catch (err) {
		item.remove();
		to.notice(stop.signal.aborted ? `${file.name} was not shared` : `${file.name} was not shared: ${reason(err)}`, 'bad');
	}
}

/** Makes the card of a file that was shared. */
export function shared(client: () => ChatClient | undefined, file: SharedFile): HTMLElement {
	let busy = false;
	const card = new FileCard(file.Name, size(file.Size), {
		text: 'Save',
		label: `Save ${file.Name}`,
		click: () => {
			const c = client();
			if (busy || !c) return;
			busy = true;
			download(c, file, card)
				.then(
					() => card.done(`${size(file.Size)} · saved and verified`),
					(err: unknown) => card.done(`Not saved: ${reason(err)}`),
				)
				.finally(() => (busy = false));
		},
	});
	return card.element;
}

async function download(c: ChatClient, file: SharedFile, card: FileCard): Promise<void> {
	const content = new Uint8Array(file.Size);
	const reader = c.fetch(file.Name).getReader();
	let at = 0;
	for (let r = await reader.read(); !r.done; r = await reader.read()) {
		if (at + r.value.length > content.length) {
			await reader.cancel();
			throw new Error('it is longer than was said');
		}
		content.set(r.value, at);
		at += r.value.length;
		card.progress(at / file.Size, `${size(at)} of ${size(file.Size)}`);
	}
	const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
	if (at !== file.Size || hash.some((b, i) => b !== file.Hash[i])) throw new Error('it is not what was shared');
	const url = URL.createObjectURL(new Blob([content]));
	el('a', { href: url, download: file.Name }).click();
	setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
