// The line of a page to its server: a session, and another one when the server
// has forgotten it.
import { connect, type ConnectOptions, type Session, TwinwireError } from 'twinwire';
import { pageWires } from 'twinwire/page';
import { SwitchedWire } from './wires.js';

/** What has become of the line. */
export interface Step {
	readonly at: Date;
	/** The wire in use, '' for none. */
	readonly wire: string;
	readonly text: string;
	/** Whether the step is good news. */
	readonly good: boolean;
}

const names: { readonly [wire: string]: string } = { webtransport: 'WebTransport', websocket: 'WebSocket' };

/** The name of a wire as people know it. */
export const wireName = (wire: string): string => names[wire] ?? wire;

/** Says how long something took. */
export const duration = (ms: number): string => (ms < 995 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`);

const maxSteps = 50;

export class Line {
	readonly wires = pageWires().map((w) => new SwitchedWire(w));
	/** What has become of it, the newest first. */
	readonly steps: Step[] = [];
	session: Session | undefined;
	private readonly watchers = new Set<(step: Step) => void>();
	private lostAt = 0;
	private before = '';

	constructor(private readonly options: ConnectOptions = {}) {}

	/** The wire in use, '' for none. */
	get wire(): string {
		const c = this.session?.change;
		return c && c.phase !== 'ended' ? c.wire : '';
	}

	/** Has f called with what becomes of the line. */
	watch(f: (step: Step) => void): void {
		this.watchers.add(f);
	}

	private step(text: string, good: boolean): void {
		const step = { at: new Date(), wire: this.wire, text, good };
		this.steps.unshift(step);
		this.steps.length = Math.min(this.steps.length, maxSteps);
		for (const f of this.watchers) f(step);
	}

	/** Connects, and again when a session is over. It has begin called with each session. */
	async run(begin: (session: Session) => void): Promise<never> {
		addEventListener('pagehide', () => void this.session?.close());
		for (let wait = 250; ; wait = Math.min(2 * wait, 4000)) {
			try {
				const start = performance.now();
				const session = await connect(location.host, { ...this.options, wires: this.wires });
				this.session = session;
				this.before = session.change.wire;
				this.step(`Connected over ${wireName(this.before)} in ${duration(performance.now() - start)}`, true);
				session.onChange(() => this.changed(session));
				begin(session);
				wait = 250;
				await session.closed;
			} catch (err) {
				this.step(`Not connected: ${err instanceof TwinwireError ? err.message : String(err)}`, false);
			}
			await again(wait);
		}
	}

	private changed({ change: { phase, wire, error } }: Session): void {
		const name = wireName(wire);
		if (phase === 'detached') {
			this.lostAt = performance.now();
			this.step(`${wireName(this.before)} is gone: ${error?.message ?? 'connection lost'}`, false);
		} else if (phase === 'resumed') {
			const took = duration(performance.now() - this.lostAt);
			const text = this.lostAt === 0 ? `Moved to ${name} without a break` : this.before === wire ? `Back on ${name} after ${took}, nothing lost` : `Went on over ${name} after ${took}, nothing lost`;
			this.lostAt = 0;
			this.before = wire;
			this.step(text, true);
		} else if (phase === 'leaving') this.step('The server is about to stop', false);
		else if (phase === 'ended') this.step(`The session is over: ${error?.message ?? ''}`, false);
	}
}

/** Waits, at most until the network is there again. */
const again = (ms: number): Promise<void> =>
	new Promise((resolve) => {
		const done = (): void => {
			clearTimeout(timer);
			removeEventListener('online', done);
			resolve();
		};
		const timer = setTimeout(done, ms);
		addEventListener('online', done);
	});
