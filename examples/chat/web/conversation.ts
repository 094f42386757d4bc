// A conversation: what was said in a room, or with one person.
import { el, icon } from '../../internal/page/dom.js';

/** What is shown of something that was said. */
export interface Said {
	readonly from: string;
	readonly own: boolean;
	readonly at: Date;
	/** What was said, or something to show in its place. */
	readonly content: string | HTMLElement;
}

/** Within how many milliseconds two messages of one person stand together. */
const together = 5 * 60_000;

const hour = (at: Date): string => at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });

/** Makes the picture of a person: the first letter, in a color of the name's. */
export function avatar(nick: string): HTMLElement {
	let hue = 0;
	for (const c of nick) hue = (hue * 31 + c.charCodeAt(0)) % 360;
	const e = el('span', { class: 'avatar', 'aria-hidden': 'true' }, (nick[0] ?? '?').toUpperCase());
	e.style.setProperty('--hue', String(hue));
	return e;
}

export class Conversation {
	readonly log: HTMLOListElement;
	unread = 0;
	private last: { readonly from: string; readonly at: number } | undefined;
	/** Own words that wait for the server, by the text. */
	private readonly waiting: { readonly text: string; readonly item: HTMLLIElement }[] = [];

	constructor(
		label: string,
		private readonly empty: readonly [string, string],
		private readonly kind: 'room' | 'private',
	) {
		this.log = el('ol', { class: 'log', role: 'log', 'aria-label': label, tabindex: '0' });
		this.clear();
	}

	/** Forgets what is shown, except own words that wait. */
	clear(): void {
		const [title, text] = this.empty;
		this.log.replaceChildren(el('li', { class: 'empty' }, el('b', {}, title), text), ...this.waiting.map((w) => w.item));
		this.last = undefined;
	}

	/** Shows something that was said. What waited for this is not shown twice. */
	add(said: Said): HTMLElement {
		const at = this.waiting.findIndex((w) => said.own && w.text === said.content);
		if (at >= 0) this.waiting.splice(at, 1)[0]?.item.remove();
		return this.put(this.item(said));
	}

	/** Shows own words that are on their way, until they come back, or confirm or fail is called. */
	wait(from: string, text: string): Waiting {
		const { last } = this;
		const item = this.item({ from, own: true, at: new Date(), content: text });
		const sent = this.last;
		this.last = last; // it is not said yet
		item.classList.add('pending');
		const state = el('span', { class: 'state' }, 'Sending…');
		item.querySelector('.body')?.append(state);
		const entry = { text, item };
		this.waiting.push(entry);
		const drop = (): boolean => {
			const at = this.waiting.indexOf(entry);
			if (at >= 0) this.waiting.splice(at, 1);
			return at >= 0;
		};
		this.put(item);
		return {
			says: (text) => state.replaceChildren(text),
			confirm: () => {
				if (!drop()) return;
				this.last = sent;
				item.classList.remove('pending');
				state.remove();
			},
			fail: (why, again) => {
				if (!drop()) return;
				const retry = el('button', { type: 'button' }, 'Try again');
				retry.addEventListener('click', () => {
					item.remove();
					again();
				});
				item.classList.replace('pending', 'failed');
				state.replaceChildren(why, retry);
				this.bottom();
			},
		};
	}

	/** Shows that something happened. */
	notice(text: string, kind = ''): void {
		this.put(el('li', { class: `notice ${kind}` }, text));
		this.last = undefined;
	}

	/** Shows something of its own, until it is removed. */
	put<T extends HTMLElement>(item: T): T {
		const { log } = this;
		const near = log.scrollHeight - log.scrollTop - log.clientHeight < 80 || item.classList.contains('own');
		log.querySelector('.empty')?.remove();
		log.append(item);
		if (near) this.bottom();
		return item;
	}

	bottom(): void {
		this.log.scrollTop = this.log.scrollHeight;
	}

	private item({ from, own, at, content }: Said): HTMLLIElement {
		const first = this.last?.from !== from || at.getTime() - this.last.at > together;
		this.last = { from, at: at.getTime() };
		const time = el('time', { datetime: at.toISOString() }, hour(at));
		const body = el('div', { class: 'body' });
		if (first) body.append(own ? el('div', { class: 'who' }, el('span', { class: 'unseen' }, 'You, '), time) : el('div', { class: 'who' }, el('b', {}, from), ' ', time));
		body.append(typeof content === 'string' ? el('div', { class: 'bubble' }, content) : content);
		const item = el('li', { class: `said ${own ? 'own ' : ''}${first ? 'first ' : ''}${this.kind}` });
		if (!own && first) item.append(avatar(from));
		item.append(body);
		return item;
	}
}

/** Own words that are on their way. */
export interface Waiting {
	says(text: string): void;
	confirm(): void;
	fail(why: string, again: () => void): void;
}

/** A file that was shared, or that is on its way. */
export class FileCard {
	readonly element: HTMLElement;
	private readonly bar = el('progress', { max: '1', value: '0' });
	private readonly says: HTMLElement;

	constructor(name: string, says: string, button: { readonly text: string; readonly label: string; readonly click: () => void }) {
		this.says = el('small', {}, says);
		const b = el('button', { type: 'button', class: 'button', 'aria-label': button.label }, button.text);
		b.addEventListener('click', button.click);
		this.bar.setAttribute('aria-label', name);
		this.element = el('div', { class: 'shared' }, icon('i-file'), el('span', {}, el('span', { class: 'file-name', title: name }, name), this.says), b);
	}

	/** Shows how far a transfer is, from 0 to 1. */
	progress(part: number, says: string): void {
		this.bar.value = part;
		this.says.textContent = says;
		if (!this.bar.parentNode) this.element.append(this.bar);
	}

	done(says: string): void {
		this.bar.remove();
		this.says.textContent = says;
	}
}

/** Says a size in bytes as people do. */
export function size(bytes: number): string {
	if (bytes < 1000) return `${bytes} bytes`;
	for (const unit of ['kB', 'MB']) {
		bytes /= 1000;
		if (bytes < 1000 || unit === 'MB') return `${bytes < 10 ? bytes.toFixed(1) : Math.round(bytes)} ${unit}`;
	}
	return '';
}
