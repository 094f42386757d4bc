// The side of the page: rooms, people and who one is. On a narrow screen it is
// a drawer.
import { byId, el } from '../../internal/page/dom.js';
import { avatar } from './conversation.js';

/** What the side shows. */
export interface Shown {
	readonly me: string;
	readonly room: string;
	/** The rooms that there are, and how many people are in each. */
	readonly rooms: ReadonlyMap<string, number>;
	readonly here: ReadonlySet<string>;
	/** With whom there are private conversations, and how many messages are unread; '' is the room. */
	readonly unread: ReadonlyMap<string, number>;
	/** The conversation that is open, '' for the room. */
	readonly open: string;
}

export class Side {
	private readonly side = byId('side', HTMLElement);
	private readonly veil = byId('veil', HTMLElement);
	private readonly menu = byId('menu', HTMLButtonElement);
	private readonly narrow = matchMedia('(max-width: 760px)');

	constructor(
		private readonly enter: (room: string) => void,
		private readonly talk: (nick: string) => void,
	) {
		this.menu.addEventListener('click', () => this.toggle(true));
		this.veil.addEventListener('click', () => this.toggle(false));
		document.addEventListener('keydown', (e) => e.key === 'Escape' && this.side.classList.contains('open') && this.toggle(false, true));
		this.narrow.addEventListener('change', () => this.toggle(false));
		const name = byId('new-room-name', HTMLInputElement);
		byId('new-room', HTMLFormElement).addEventListener('submit', (e) => {
			e.preventDefault();
			this.toggle(false);
			this.enter(name.value);
			name.value = '';
		});
		this.toggle(false);
	}

	/** Opens or closes the drawer. */
	private toggle(open: boolean, back = false): void {
		const drawer = this.narrow.matches;
		this.side.classList.toggle('open', drawer && open);
		this.side.inert = drawer && !open;
		byId('talk', HTMLElement).inert = drawer && open;
		this.veil.hidden = !(drawer && open);
		this.menu.setAttribute('aria-expanded', String(drawer && open));
		if (drawer && open) this.side.querySelector('button')?.focus();
		else if (back) this.menu.focus();
	}

	show(s: Shown): void {
		// What has the focus keeps it, although it is made anew.
		const focused = this.side.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset['key'] : undefined;
		const rooms = new Map(s.rooms);
		if (!rooms.has(s.room)) rooms.set(s.room, s.here.size);
		byId('rooms', HTMLElement).replaceChildren(
			...[...rooms].sort(([a], [b]) => (a < b ? -1 : 1)).map(([room, n]) => {
				const mark = el('span', { class: 'hash', 'aria-hidden': 'true' }, '#');
				const count = el('small', { 'aria-label': `${n} ${n === 1 ? 'person' : 'people'}` }, String(n));
				return this.row(`#${room}`, room === s.room && s.open === '', [mark, room, count, room === s.room ? (s.unread.get('') ?? 0) : 0], () => this.enter(room));
			}),
		);
		const people = [...new Set([...s.here, ...s.unread.keys()])].filter((nick) => nick !== '' && nick !== s.me).sort();
		const rows = people.map((nick) => {
			const here = s.here.has(nick);
			const row = this.row(`@${nick}`, s.open === nick, [avatar(nick), nick, here ? '' : el('small', {}, 'not here'), s.unread.get(nick) ?? 0], () => this.talk(nick));
			row.classList.toggle('gone', !here);
			return row;
		});
		byId('people', HTMLElement).replaceChildren(...(rows.length > 0 ? rows : [el('li', { class: 'empty' }, 'Nobody else yet')]));
		byId('me', HTMLElement).replaceChildren(avatar(s.me), s.me);
		byId('menu-badge', HTMLElement).hidden = [...s.unread.values()].every((n) => n === 0);
		if (focused) this.side.querySelector<HTMLElement>(`[data-key="${focused}"]`)?.focus();
	}

	private row(key: string, current: boolean, [mark, name, note, unread]: readonly [Node, string, Node | string, number], click: () => void): HTMLLIElement {
		const button = el('button', { type: 'button', 'data-key': key, 'aria-current': String(current) }, mark, el('span', { class: 'name' }, name), note);
		if (unread > 0) button.append(el('span', { class: 'badge' }, String(unread), el('span', { class: 'unseen' }, ' unread')));
		button.addEventListener('click', () => {
			this.toggle(false);
			click();
		});
		return el('li', {}, button);
	}
}
