// The page of the cursors: the session, the people, and what travels when the
// pen moves.
import { type Session, TwinwireError } from 'twinwire';
import { datagrams } from 'twinwire/newest';
import { byId, el, icon } from '../../internal/page/dom.js';
import { Line as Connection } from '../../internal/page/line.js';
import { Panel } from '../../internal/page/panel.js';
import { Canvas, side, widths } from './canvas.js';
import { BoardClient, type EventDelivery, type Line, type Moved, People } from './cursors.js';
import { Pen } from './pen.js';

/** The name of the state that everybody sees (cursors.PeopleName). */
const peopleName = 'cursors.people';
/** How long a call may take, in milliseconds; it waits while there is no wire. */
const timeout = 60_000;
/** How long pieces of a line are gathered, in milliseconds, and how many coordinates travel at once. */
const gatherTime = 40;
const mostPoints = 512;

const colors = ['Ink', 'Red', 'Orange', 'Green', 'Blue', 'Violet'];
const animals = ['Otter', 'Lynx', 'Heron', 'Badger', 'Robin', 'Marten', 'Newt', 'Falcon', 'Hare', 'Wren', 'Seal', 'Moth'];

const any = (n: number): number => Math.floor(Math.random() * n);

class App {
	private readonly connection = new Connection({ datagrams });
	private readonly canvas = new Canvas(byId('canvas', HTMLCanvasElement));
	private readonly cursors = new Map<number, HTMLElement>();
	private readonly name = byId('name', HTMLInputElement);
	private client: BoardClient | undefined;
	private me = 0;
	private people: ReadonlyMap<number, { readonly Name: string; readonly Color: number }> = new Map();
	private color = 1 + any(colors.length - 1);
	private width = 1;
	/** Events that wait until the board is there. */
	private early: EventDelivery[] | undefined;
	/** The lines up to this number are on the board, or gone. */
	private known = 0;
	/** Where the pen is, not yet sent; what is drawn since the last piece was. */
	private move: Omit<Moved, 'ID'> | undefined;
	private moving = false;
	private piece: number[] = [];
	private hiding: ReturnType<typeof setTimeout> | undefined;

	constructor() {
		new Panel(this.connection, byId('wire', HTMLButtonElement), byId('panel', HTMLElement), () => this.enter());
		this.tools();
		const says = byId('says', HTMLElement);
		new Pen(byId('board', HTMLElement), { moved: (x, y, down, byKey) => this.moved(x, y, down, byKey), drew: (points) => this.drew(points) }, (text) => (says.textContent = text));
		void this.connection.run((session) => this.begin(session));
	}

	private begin(session: Session): void {
		const c = new BoardClient(session);
		this.client = c;
		const people = session.state(peopleName, People);
		people.subscribe(() => {
			this.people = people.get()?.People ?? new Map();
			this.show();
		});
		void this.listen(c);
		void this.load(c);
	}

	private async listen(c: BoardClient): Promise<void> {
		for await (const d of c.events()) this.happened(c, d);
	}

	private happened(c: BoardClient, d: EventDelivery): void {
		if (d.type === 'Moved') return this.point(d.event);
		if (this.early) return void this.early.push(d);
		if (d.missed > 0 && d.topic === 'board') return void this.load(c);
		if (d.type === 'Drawn' && d.event.Number > this.known) {
			this.known = d.event.Number;
			if (d.event.By !== this.me) this.canvas.add(d.event.Line);
		} else if (d.type === 'Cleared') this.canvas.clear();
		this.show();
	}

	/** Comes to the board, and reads what is on it. */
	private async load(c: BoardClient): Promise<void> {
		if (this.early) return;
		this.early = [];
		try {
			await this.enter();
			const lines: Line[] = [];
			for await (const d of c.lines({ timeout })) {
				lines.push(d.Line);
				this.known = d.Number;
			}
			this.canvas.clear();
			for (const line of lines) this.canvas.add(line);
		} catch (err) {
			this.fail(err);
		}
		const { early } = this;
		this.early = undefined;
		for (const d of early) this.happened(c, d);
		this.show();
	}

	/** Says who one is. */
	private async enter(): Promise<void> {
		const { client } = this;
		if (client) this.me = await client.enter(this.name.value.trim() || 'Somebody', this.color, { timeout });
	}

	/** Shows where somebody's pointer is. */
	private point({ ID, X, Y, Down }: Moved): void {
		if (ID === this.me) return;
		this.place(ID, X, Y, Down);
	}

	private place(id: number, x: number, y: number, down: boolean): HTMLElement {
		let e = this.cursors.get(id);
		if (!e) {
			e = el('div', { class: 'cursor', 'data-id': String(id) }, icon('i-pointer'), el('span'));
			this.cursors.set(id, e);
			byId('cursors', HTMLElement).append(e);
			this.show();
		}
		e.style.left = `${(x / side) * 100}%`;
		e.style.top = `${(y / side) * 100}%`;
		e.classList.toggle('down', down);
		e.classList.toggle('right', x > side * 0.8);
		e.classList.toggle('low', y > side * 0.92);
		return e;
	}

	/** Shows who is there. */
	private show(): void {
		const me = this.people.get(this.me);
		const others = [...this.people].filter(([id]) => id !== this.me);
		const chips = [...(me ? [[this.me, me] as const] : []), ...others];
		const most = innerWidth < 560 ? 3 : Math.max(2, Math.floor((innerWidth - 480) / 120));
		byId('people', HTMLElement).replaceChildren(
			...chips.slice(0, most).map(([id, p]) => {
				const text = id === this.me ? `${p.Name} (you)` : p.Name;
				const chip = el('li', { title: text }, el('span', {}, text));
				chip.style.setProperty('--color', `var(--c${p.Color})`);
				return chip;
			}),
			...(chips.length > most ? [el('li', { class: 'more' }, `+${chips.length - most}`)] : []),
		);
		for (const [id, e] of this.cursors) {
			const p = id === 0 ? { Name: this.name.value, Color: this.color } : this.people.get(id);
			if (!p) {
				e.remove();
				this.cursors.delete(id);
				continue;
			}
			e.style.setProperty('--color', `var(--c${p.Color})`);
			const label = e.querySelector('span');
			if (label) label.textContent = id === 0 ? 'You' : p.Name;
		}
		byId('empty', HTMLElement).hidden = !this.canvas.empty;
	}

	private moved(x: number, y: number, down: boolean, byKey: boolean): void {
		// The system shows the pointer of a mouse; that of the keyboard is 0 here.
		if (byKey) this.place(0, x, y, down).classList.add('mine');
		else if (this.cursors.get(0)) {
			this.cursors.get(0)?.remove();
			this.cursors.delete(0);
		}
		this.move = { X: x, Y: y, Down: down };
		if (!this.moving) {
			this.moving = true;
			requestAnimationFrame(() => void this.sendMove());
		}
	}

	/** Sends where the pen is: the newest only, and not before the one before has left. */
	private async sendMove(): Promise<void> {
		const { move, client } = this;
		this.move = undefined;
		try {
			if (move && client) await client.move(move.X, move.Y, move.Down);
		} catch {
			// The session is over; the next one begins with the next move.
		}
		if (this.move) requestAnimationFrame(() => void this.sendMove());
		else this.moving = false;
	}

	private drew(points: readonly number[]): void {
		this.canvas.add({ Color: this.color, Width: this.width, Points: points });
		if (this.piece.length === 0) setTimeout(() => this.sendPiece(), gatherTime);
		const { piece } = this;
		const joins = piece.at(-2) === points[0] && piece.at(-1) === points[1];
		if (piece.length > 0 && (!joins || piece.length + points.length > mostPoints)) this.sendPiece();
		this.piece.push(...(this.piece.length > 0 ? points.slice(2) : points));
		byId('empty', HTMLElement).hidden = true;
	}

	private sendPiece(): void {
		const Points = this.piece;
		this.piece = [];
		if (Points.length > 0) this.client?.draw({ Color: this.color, Width: this.width, Points }, { timeout }).catch((err: unknown) => this.fail(err));
	}

	private tools(): void {
		this.name.value = `${animals[any(animals.length)]}`;
		this.name.addEventListener('change', () => void this.enter().catch((err: unknown) => this.fail(err)));
		byId('tools', HTMLFormElement).addEventListener('submit', (e) => {
			e.preventDefault();
			byId('board', HTMLElement).focus();
		});
		byId('colors', HTMLFieldSetElement).append(
			...colors.map((name, i) =>
				swatch('color', name, i === this.color, ['--color', `var(--c${i})`], () => {
					this.sendPiece();
					this.color = i;
					this.show();
					this.enter().catch((err: unknown) => this.fail(err));
				}),
			),
		);
		byId('widths', HTMLFieldSetElement).append(
			...widths.map((w, i) =>
				swatch('width', ['Thin', 'Medium', 'Thick'][i] ?? '', i === this.width, ['--size', `${w + 2}px`], () => {
					this.sendPiece();
					this.width = i;
				}),
			),
		);
		byId('clear', HTMLButtonElement).addEventListener('click', () => void this.client?.clear({ timeout }).catch((err: unknown) => this.fail(err)));
		addEventListener('resize', () => this.show());
	}

	private fail(err: unknown): void {
		const toast = byId('error', HTMLElement);
		toast.textContent = err instanceof TwinwireError ? err.message : String(err);
		toast.hidden = false;
		clearTimeout(this.hiding);
		this.hiding = setTimeout(() => (toast.hidden = true), 6000);
	}
}

/** Makes one choice of several. */
function swatch(group: string, name: string, checked: boolean, [property, v]: readonly [string, string], chosen: () => void): HTMLElement {
	const input = el('input', { type: 'radio', name: group, 'aria-label': name });
	input.checked = checked;
	input.addEventListener('change', chosen);
	const label = el('label', { title: name }, input, el('i'));
	label.style.setProperty(property, v);
	return label;
}

new App();
