import { Code, TwinwireError, wrapped } from '../error.js';
import { text } from '../frame/varint.js';
import { retryAfter } from '../frame/frame.js';
import { batch } from '../machine/batch.js';
import { ended } from '../machine/calls.js';
import type { Binding } from '../machine/config.js';
import { close, end, type Machine, rebind, resumable } from '../machine/machine.js';
import { receive } from '../machine/receive.js';
import { deadline, tick } from '../machine/watch.js';
import type { Carrier } from '../wires/carrier.js';

/** Runs a function when what is due in this turn of the event loop has been done. */
export function later(f: () => void): void {
	// A timer would wait for 4 ms.
	const { port1, port2 } = new MessageChannel();
	port1.onmessage = () => {
		port1.close();
		f();
	};
	port2.postMessage(0);
}

/** The longest time that a timer can have. */
export const longest = 2 ** 31 - 1;

const lost = 'connection lost';

/** How long the peer may take to agree to a goodbye, in milliseconds. */
const closeTime = 1000;

export const now = (): number => performance.now();

/** The machine of a session, its carrier, and the clock: everything that has effects. */
export class Link {
	carrier: Carrier | undefined;
	/** Why the session is over. */
	error: TwinwireError | undefined;
	private scheduled = false;
	private timer: ReturnType<typeof setTimeout> | undefined;
	private timerAt = Infinity;
	private closer: ReturnType<typeof setTimeout> | undefined;

	constructor(
		readonly machine: Machine,
		/** Told when the carrier is lost, the session goes on with another, or is over. */
		private readonly changed: (phase: 'detached' | 'resumed' | 'ended', cause?: TwinwireError) => void,
	) {}

	/** Takes a carrier, whose server has welcomed the client. */
	attach(carrier: Carrier): void {
		const { machine } = this;
		this.carrier = carrier;
		const mine = (): boolean => this.carrier === carrier;
		carrier.receiver = {
			frames: (pipe, b) => {
				if (!mine()) return;
				this.guard(() => receive(machine, pipe, b, now()));
				this.agree();
				this.flush();
			},
			ready: () => mine() && this.flush(),
			closed: (code, reason) => {
				if (!mine()) return;
				const error = new TwinwireError(code || Code.Unavailable, reason || lost);
				// One that broke may be followed by another (clause 14.1).
				if ((code === undefined || code === Code.Replaced || code === Code.PeerDead) && resumable(machine) && !machine.closing) this.lose(error);
				else this.end(error);
			},
		};
		this.kick();
	}

	/** Moves to another carrier (clause 14.2). */
	rebind(carrier: Carrier, binding: Binding): void {
		const before = this.carrier;
		rebind(this.machine, binding, now());
		this.attach(carrier);
		before?.close(Code.Replaced, '');
		this.changed('resumed');
	}

	/** Has what waits sent, after what the program does in the same task; or a little later, for who is about to add to it. */
	kick(schedule: (f: () => void) => void = queueMicrotask): void {
		if (this.scheduled) return;
		this.scheduled = true;
		schedule(() => {
			this.scheduled = false;
			this.flush();
		});
	}

	private flush(): void {
		const { carrier, machine } = this;
		if (!carrier) return;
		const pipes = carrier.independent ? machine.lanes.length : 1;
		for (let pipe = 0; pipe < pipes; pipe++) {
			while (carrier.writable(pipe)) {
				const b = batch(machine, pipe, now());
				if (!b) break;
				carrier.send(pipe, b);
			}
		}
		const at = deadline(machine);
		if (at >= this.timerAt) return;
		clearTimeout(this.timer);
		this.timerAt = at;
		this.timer = setTimeout(() => {
			this.timerAt = Infinity;
			if (!tick(machine, now())) return this.flush();
			const dead = new TwinwireError(Code.PeerDead, lost);
			if (!resumable(machine)) return this.end(dead);
			this.carrier?.close(dead.code, '');
			this.lose(dead);
		}, Math.max(0, Math.ceil(at - now())));
	}

	/** Runs what may find that the peer broke the protocol. */
	guard(f: () => void): void {
		try {
			f();
		} catch (cause) {
			this.end(wrapped(cause));
		}
	}

	private lose(cause: TwinwireError): void {
		this.machine.detached = true;
		this.carrier = undefined;
		this.changed('detached', cause);
	}

	/** Agrees to the peer's goodbye when everything before it has arrived (clause 8.2). */
	private agree(): void {
		const { goodbye: f, lanes } = this.machine;
		if (!f?.nexts.every((next, i) => (lanes[i]?.next ?? 0) >= next)) return;
		const b = batch(this.machine, 0, now());
		if (b) this.carrier?.send(0, b);
		this.end(new TwinwireError(f.code || Code.Unavailable, text(f.name) || ended, { retryAfter: retryAfter(f) }), Code.Accepted);
	}

	/** Says goodbye: what is queued is sent, and the peer agrees or time is up. */
	close(code: number, reason: string): void {
		if (this.error || this.machine.closing) return;
		close(this.machine, code, reason);
		if (!this.carrier) return this.end();
		this.closer = setTimeout(() => this.end(undefined, code), closeTime);
		this.kick();
	}

	/** Ends the session at once, with what it was closed with if it was. */
	end(cause?: TwinwireError, code = cause?.code ?? Code.Canceled): void {
		if (this.error) return;
		const { carrier, machine } = this;
		const { closing } = machine;
		const error = closing || !cause ? new TwinwireError(closing?.code || Code.Canceled, closing?.reason || ended) : cause;
		this.error = error;
		this.carrier = undefined;
		clearTimeout(this.timer);
		clearTimeout(this.closer);
		end(machine, error);
		carrier?.close(code, error.message.slice(0, 40));
		this.changed('ended', error);
	}
}
