// The lines on the board.
import type { Line } from './cursors.js';

/** The length of a side of the board (cursors.Side). */
export const side = 1000;

/** How wide lines are, in the units of the board. */
export const widths = [4, 9, 18];

export class Canvas {
	private lines: Line[] = [];
	private readonly context: CanvasRenderingContext2D;

	constructor(private readonly canvas: HTMLCanvasElement) {
		const context = canvas.getContext('2d');
		if (!context) throw new Error('this browser cannot draw');
		this.context = context;
		new ResizeObserver(() => this.redraw()).observe(canvas);
		matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.redraw());
	}

	get empty(): boolean {
		return this.lines.length === 0;
	}

	add(line: Line): void {
		this.lines.push(line);
		this.stroke(line);
	}

	clear(): void {
		this.lines = [];
		this.redraw();
	}

	private redraw(): void {
		const size = Math.round(this.canvas.clientWidth * devicePixelRatio);
		this.canvas.width = this.canvas.height = size;
		for (const line of this.lines) this.stroke(line);
	}

	/** The color of the style sheet's, which depends on whether it is dark. */
	private color(n: number): string {
		const { style } = this.canvas;
		style.color = `var(--c${n})`;
		return getComputedStyle(this.canvas).color;
	}

	private stroke({ Color, Width, Points }: Line): void {
		const { context } = this;
		const scale = this.canvas.width / side;
		context.setTransform(scale, 0, 0, scale, 0, 0);
		context.strokeStyle = this.color(Color);
		context.lineWidth = widths[Width] ?? 4;
		context.lineCap = context.lineJoin = 'round';
		context.beginPath();
		context.moveTo(Points[0] ?? 0, Points[1] ?? 0);
		if (Points.length === 2) context.lineTo(Points[0] ?? 0, Points[1] ?? 0);
		for (let i = 2; i < Points.length; i += 2) context.lineTo(Points[i] ?? 0, Points[i + 1] ?? 0);
		context.stroke();
	}
}
