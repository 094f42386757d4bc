// The page of the chat: the session, who one is, and what is open.
import { Code, type Session, TwinwireError } from 'twinwire';
import { byId, el } from '../../internal/page/dom.js';
import { Line, type Step, wireName } from '../../internal/page/line.js';
import { Panel } from '../../internal/page/panel.js';
import { ChatClient, type EventDelivery, Hall, type Message } from './chat.js';
import { Conversation } from './conversation.js';
import { Side } from './side.js';
import { reason, shared, upload } from './transfers.js';

/** The name of the state that everybody sees (chat.HallName). */
const hallName = 'chat.hall';
/** How long a call may take, in milliseconds; it waits while there is no wire. */
const timeout = 60_000;

class App {
	private readonly line = new Line();
	private readonly side = new Side(
		(room) => void this.enter(this.me, room),
		(nick) => this.open(nick),
	);
	private readonly text = byId('text', HTMLInputElement);
	private readonly enterButton = byId('enter', HTMLButtonElement);
	private client: ChatClient | undefined;
	private me = '';
	private room = '';
	private rooms: ReadonlyMap<string, number> = new Map();
	private readonly here = new Set<string>();
	/** The room's, under '', and private ones, by nickname. */
	private readonly conversations = new Map<string, Conversation>();
	private current = '';
	/** Events of the room that wait until its history is there. */
	private early: EventDelivery[] | undefined;

	constructor() {
		new Panel(this.line, byId('wire', HTMLButtonElement), byId('panel', HTMLElement), () => this.client && this.me !== '' ? this.client.who({ timeout }) : undefined);
		this.line.watch((step) => this.changed(step));
		this.door();
		this.composer();
		this.dropping();
		addEventListener('focus', () => this.seen());
		void this.line.run((session) => this.begin(session));
	}

	/** Takes a new session: the first one, or one after the server has forgotten the last. */
	private begin(session: Session): void {
		const c = new ChatClient(session);
		this.client = c;
		const hall = session.state(hallName, Hall);
		hall.subscribe(() => {
			this.rooms = hall.get()?.Rooms ?? new Map();
			this.show();
		});
		void this.listen(c);
		if (this.me) void this.enter(this.me, this.room);
	}

	private async listen(c: ChatClient): Promise<void> {
		for await (const d of c.events()) if (d.type === 'Whispered' || d.topic === `room/${this.room}`) this.happened(d);
	}

	private happened(d: EventDelivery): void {
		if (d.missed > 0) {
			void this.history();
			return;
		}
		if (this.early && d.type !== 'Whispered') {
			this.early.push(d);
			return;
		}
		switch (d.type) {
			case 'Message':
				this.said(d.event);
				break;
			case 'Whispered':
				this.conversation(d.event.From).add({ from: d.event.From, own: false, at: new Date(), content: d.event.Text });
				this.arrived(d.event.From);
				break;
			case 'Joined':
				if (!this.here.has(d.event.Nick)) this.conversation('').notice(`${d.event.Nick} has come`);
				this.here.add(d.event.Nick);
				break;
			case 'Left':
				if (this.here.delete(d.event.Nick)) this.conversation('').notice(`${d.event.Nick} has gone`);
				break;
		}
		this.show();
	}

	private said(m: Message): void {
		const own = m.From === this.me;
		this.conversation('').add({ from: m.From, own, at: m.At, content: m.File ? shared(() => this.client, m.File) : m.Text });
		if (!own) this.arrived('');
	}

	/** Counts what nobody looks at. */
	private arrived(key: string): void {
		const c = this.conversation(key);
		if (this.current !== key || !document.hasFocus()) c.unread++;
		this.show();
	}

	private conversation(key: string): Conversation {
		let c = this.conversations.get(key);
		if (!c) {
			c = key === '' ? new Conversation('Messages in the room', ['Nothing was said yet', 'Say something, or drop a file here.'], 'room') : new Conversation(`Private messages with ${key}`, [`Only ${key} and you`, 'Nobody else sees what you write here.'], 'private');
			c.log.hidden = key !== this.current;
			this.conversations.set(key, c);
			byId('logs', HTMLElement).append(c.log);
		}
		return c;
	}

	/** Enters a room under a nickname. */
	private async enter(nick: string, room: string): Promise<void> {
		const c = this.client;
		if (!c) return;
		if (this.me === nick && this.room === room && !byId('hall', HTMLElement).hidden && c.session.topics.has(`room/${room}`)) return this.open('');
		const before = this.room;
		const error = byId('join-error', HTMLElement);
		error.textContent = '';
		this.enterButton.disabled = true;
		this.room = room;
		this.early = [];
		try {
			await c.join(nick, room, { timeout });
		} catch (err) {
			this.early = undefined;
			this.room = before;
			if (err instanceof TwinwireError && err.code === Code.BadRequest && this.me) return this.conversation('').notice(reason(err), 'bad');
			this.leave(reason(err));
			return;
		} finally {
			this.enterButton.disabled = false;
		}
		this.me = nick;
		remember(nick);
		history.replaceState(null, '', `#${room}`);
		byId('door', HTMLElement).hidden = true;
		byId('hall', HTMLElement).hidden = false;
		this.open('');
		await this.history();
	}

	/** Reads who is in the room and what was said there. */
	private async history(): Promise<void> {
		const c = this.client;
		if (!c) return;
		this.early ??= [];
		const { room } = this;
		try {
			const past: Message[] = [];
			for await (const m of c.history(0, { timeout })) past.push(m);
			const here = await c.who({ timeout });
			if (room !== this.room) return;
			this.here.clear();
			for (const nick of here) this.here.add(nick);
			this.conversation('').clear();
			for (const m of past) this.said(m);
			const known = new Set(past.map(key));
			const { early } = this;
			this.early = undefined;
			for (const d of early) if (d.type !== 'Message' || !known.has(key(d.event))) this.happened(d);
			this.conversation('').bottom();
			this.seen();
		} catch (err) {
			this.early = undefined;
			this.conversation('').notice(`The history cannot be read: ${reason(err)}`, 'bad');
		}
		this.show();
	}

	/** Goes back to the door. */
	private leave(why = ''): void {
		this.me = '';
		for (const c of this.conversations.values()) c.log.remove();
		this.conversations.clear();
		this.here.clear();
		byId('door', HTMLElement).hidden = false;
		byId('hall', HTMLElement).hidden = true;
		byId('join-error', HTMLElement).textContent = why;
		byId('nick', HTMLInputElement).focus();
	}

	/** Opens a conversation, '' for the room's. */
	private open(conversation: string): void {
		this.current = conversation;
		const open = this.conversation(conversation);
		for (const c of this.conversations.values()) c.log.hidden = c !== open;
		open.bottom();
		this.text.placeholder = conversation ? `Message ${conversation}, privately` : `Message #${this.room}`;
		this.text.focus();
		this.seen();
	}

	private seen(): void {
		const c = this.conversations.get(this.current);
		if (c && document.hasFocus()) c.unread = 0;
		this.show();
	}

	private show(): void {
		const unread = new Map([...this.conversations].map(([k, c]) => [k, c.unread]));
		const all = [...unread.values()].reduce((a, b) => a + b, 0);
		document.title = `${all > 0 ? `(${all}) ` : ''}${this.me ? `#${this.room} · ` : ''}Chat`;
		byId('open-rooms', HTMLElement).replaceChildren(
			...[...this.rooms].map(([room, n]) => {
				const b = el('button', { type: 'button' }, `#${room} · ${n}`);
				b.addEventListener('click', () => {
					byId('room', HTMLInputElement).value = room;
					byId('nick', HTMLInputElement).focus();
				});
				return el('li', {}, b);
			}),
		);
		if (!this.me) return;
		this.side.show({ me: this.me, room: this.room, rooms: this.rooms, here: this.here, unread, open: this.current });
		const n = this.here.size;
		byId('title', HTMLElement).textContent = this.current || `#${this.room}`;
		byId('subtitle', HTMLElement).textContent = this.current ? (this.here.has(this.current) ? 'Private, here now' : 'Private, not in this room') : n === 1 ? 'You are alone here' : `${n} people here`;
	}

	private door(): void {
		const nick = byId('nick', HTMLInputElement);
		const room = byId('room', HTMLInputElement);
		nick.value = remembered();
		room.value = /^#[\w-]{1,20}$/.test(location.hash) ? location.hash.slice(1) : 'lobby';
		nick.focus();
		byId('join', HTMLFormElement).addEventListener('submit', (e) => {
			e.preventDefault();
			if (this.client) void this.enter(nick.value, room.value);
			else byId('join-error', HTMLElement).textContent = 'There is no connection to the server yet';
		});
		byId('leave', HTMLButtonElement).addEventListener('click', () => {
			this.leave();
			// The server frees the nickname when the session ends; another one begins.
			void this.client?.session.close();
			this.client = undefined;
		});
	}

	private composer(): void {
		const file = byId('file', HTMLInputElement);
		byId('composer', HTMLFormElement).addEventListener('submit', (e) => {
			e.preventDefault();
			const text = this.text.value.trim();
			if (!text) return;
			this.text.value = '';
			void this.send(this.current, text);
		});
		byId('attach', HTMLButtonElement).addEventListener('click', () => file.click());
		file.addEventListener('change', () => {
			this.share(file.files ?? []);
			file.value = '';
		});
	}

	/** Says something in the room, or to one person. */
	private async send(to: string, text: string): Promise<void> {
		const c = this.client;
		if (!c) return;
		const waiting = this.conversation(to).wait(this.me, text);
		if (!this.line.wire) waiting.says('Waiting for a wire…');
		try {
			await (to ? c.tell(to, text, { timeout }) : c.say(text, { timeout }));
			waiting.confirm();
		} catch (err) {
			waiting.fail(reason(err), () => void this.send(to, text));
		}
	}

	private share(files: Iterable<File>): void {
		if (this.current) this.open('');
		for (const file of files) if (this.client) void upload(this.client, this.conversation(''), file);
	}

	/** Lets files be dropped on the page. */
	private dropping(): void {
		const talk = byId('talk', HTMLElement);
		const over = (on: boolean) => (e: DragEvent) => {
			e.preventDefault();
			talk.classList.toggle('dropping', on);
		};
		talk.addEventListener('dragover', over(true));
		talk.addEventListener('dragleave', over(false));
		talk.addEventListener('drop', (e) => {
			over(false)(e);
			this.share(e.dataTransfer?.files ?? []);
		});
	}

	private changed(step: Step): void {
		const { wire } = this.line;
		byId('join-wire', HTMLElement).textContent = wire ? `Connected over ${wireName(wire)}` : step.text;
		if (this.me && this.conversations.has('')) this.conversation('').notice(step.text, step.good ? 'good' : 'bad');
	}
}

const key = (m: Message): string => `${m.At.getTime()} ${m.From} ${m.File?.Name ?? ''} ${m.Text}`;

const nickKey = 'twinwire.chat.nick';

/** The nickname of last time. Storage may be forbidden by the user. */
function remembered(): string {
	try {
		return localStorage.getItem(nickKey) ?? '';
	} catch {
		return '';
	}
}

function remember(nick: string): void {
	try {
		localStorage.setItem(nickKey, nick);
	} catch {
		// It is typed again next time.
	}
}

new App();
