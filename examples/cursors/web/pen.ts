// The pen: what mouse, finger and keyboard do on the board.
import { side } from './canvas.js';

/** Who is told what the pen does. Coordinates are whole numbers of the board. */
export interface Hand {
	/** The pen is somewhere, down or up. */
	moved(x: number, y: number, down: boolean, byKey: boolean): void;
	/** A piece of a line: x and y in turn, one point or more. It goes on where the piece before ended. */
	drew(points: readonly number[]): void;
}

/** How far an arrow key moves, and with Shift. */
const step = 10;
const stride = 50;

const keys: { readonly [key: string]: readonly [number, number] | undefined } = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const within = (v: number): number => Math.min(side, Math.max(0, Math.round(v)));

export class Pen {
	private x = side / 2;
	private y = side / 2;
	private down = false;
	/** The pointer that draws. */
	private pointer: number | undefined;

	constructor(
		private readonly board: HTMLElement,
		private readonly hand: Hand,
		private readonly say: (text: string) => void,
	) {
		board.addEventListener('pointerdown', (e) => this.press(e));
		board.addEventListener('pointermove', (e) => this.drag(e));
		for (const end of ['pointerup', 'pointercancel'] as const) board.addEventListener(end, (e) => this.release(e));
		board.addEventListener('keydown', (e) => this.key(e));
		board.addEventListener('blur', () => this.lift());
	}

	private at(e: PointerEvent): readonly [number, number] {
		const box = this.board.getBoundingClientRect();
		return [within(((e.clientX - box.left) / box.width) * side), within(((e.clientY - box.top) / box.height) * side)];
	}

	private press(e: PointerEvent): void {
		if (e.button !== 0 || this.pointer !== undefined) return;
		this.lift();
		this.board.setPointerCapture(e.pointerId);
		this.pointer = e.pointerId;
		[this.x, this.y] = this.at(e);
		this.down = true;
		this.hand.moved(this.x, this.y, true, false);
		this.hand.drew([this.x, this.y]);
	}

	private drag(e: PointerEvent): void {
		if (this.pointer === undefined) {
			[this.x, this.y] = this.at(e);
			this.hand.moved(this.x, this.y, this.down, false);
			return;
		}
		if (e.pointerId !== this.pointer) return;
		const points: number[] = [this.x, this.y];
		const all = e.getCoalescedEvents();
		for (const p of all.length > 0 ? all : [e]) {
			const [x, y] = this.at(p);
			if (x !== this.x || y !== this.y) points.push(x, y);
			[this.x, this.y] = [x, y];
		}
		if (points.length === 2) return;
		this.hand.moved(this.x, this.y, true, false);
		this.hand.drew(points);
	}

	private release(e: PointerEvent): void {
		if (e.pointerId !== this.pointer) return;
		this.pointer = undefined;
		this.down = false;
		this.hand.moved(this.x, this.y, false, false);
	}

	private key(e: KeyboardEvent): void {
		const way = keys[e.key];
		if (way) {
			const far = e.shiftKey ? stride : step;
			const from = [this.x, this.y];
			this.x = within(this.x + way[0] * far);
			this.y = within(this.y + way[1] * far);
			this.hand.moved(this.x, this.y, this.down, true);
			if (this.down) this.hand.drew([...from, this.x, this.y]);
		} else if (e.key === ' ' && !e.repeat) {
			this.down = !this.down;
			this.hand.moved(this.x, this.y, this.down, true);
			if (this.down) this.hand.drew([this.x, this.y]);
			this.say(this.down ? 'Pen down' : 'Pen up');
		} else if (e.key === 'Escape') this.lift();
		else if (e.key !== ' ') return;
		e.preventDefault();
	}

	/** Lifts the pen of the keyboard. */
	private lift(): void {
		if (!this.down || this.pointer !== undefined) return;
		this.down = false;
		this.hand.moved(this.x, this.y, false, true);
		this.say('Pen up');
	}
}
