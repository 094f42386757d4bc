import { Code, TwinwireError, wrapped } from '../error.js';
import { text } from '../frame/varint.js';
import { F1 } from '../frame/layout.js';
import { batch } from '../machine/batch.js';
import { ended } from '../machine/calls.js';
import type { Binding } from '../machine/config.js';
import type { Machine } from '../machine/machine.js';
import { receive, receiveDatagram } from '../machine/receive.js';
import type { Carrier } from '../wires/carrier.js';

/** Runs a function when what is due in this turn of the event loop has been done. */
export function later(f: () => void): void {
	const { setImmediate } = globalThis as { setImmediate?: (f: () => void) => void };
	if (setImmediate) return void setImmediate(f);
	// A timer would wait for 4 ms.
	const { port1, port2 } = new MessageChannel();
	port1.onmessage = f;
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
				if (machine.agreed) this.agree();
				this.flush();
			},
			datagram: (b) => {
				if (mine()) this.guard(() => receiveDatagram(machine, b));
			},
			ready: () => mine() && this.flush(),
			closed: (code, reason) => {
				if (!mine()) return;
				const error = new TwinwireError(code || Code.Unavailable, reason || lost);
				// One that broke may be followed by another (clause 14.1).
				if ((code === undefined || code === Code.Replaced || code === Code.PeerDead) && machine.resumable && !machine.closing) this.lose(error);
				else this.end(error);
			},
		};
		this.kick();
	}

	/** Moves to another carrier (clause 14.2). */
	rebind(carrier: Carrier, binding: Binding): void {
		const before = this.carrier;
		this.machine.rebind(binding, now());
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
		for (let pipe = 0; pipe < machine.pipes; pipe++) {
			while (carrier.writable(pipe)) {
				const b = batch(machine, pipe, now());
				if (!b) break;
				carrier.send(pipe, b);
			}
		}
		const at = machine.deadline;
		if (at >= this.timerAt) return;
		clearTimeout(this.timer);
		this.timerAt = at;
		this.timer = setTimeout(() => {
			this.timerAt = Infinity;
			if (!machine.tick(now())) return this.flush();
			const dead = new TwinwireError(Code.PeerDead, lost);
			if (!machine.resumable) return this.end(dead);
			this.carrier?.close(dead.code, '');
			this.lose(dead);
		}, Math.max(0, Math.ceil(at - now())));
	}

	/** Runs what may find that the peer broke the protocol. */
	private guard(f: () => void): void {
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

	/** Everything before the peer's goodbye has arrived. */
	private agree(): void {
		const f = this.machine.goodbye;
		const b = batch(this.machine, 0, now());
		if (b) this.carrier?.send(0, b);
		if (f) this.end(new TwinwireError(f.code || Code.Unavailable, text(f.name) || ended, { retryAfter: f.flags & F1 ? f.millis : undefined }), Code.Accepted);
	}

	/** Says goodbye: what is queued is sent, and the peer agrees or time is up. */
	close(code: number, reason: string): void {
		if (this.error || this.machine.closing) return;
		const why = new TwinwireError(code || Code.Canceled, reason || ended);
		this.machine.close(code, reason);
		if (!this.carrier) return this.end(why);
		this.closer = setTimeout(() => this.end(why, code), closeTime);
		this.kick();
	}

	/** Ends the session at once. */
	end(error: TwinwireError, code = error.code): void {
		if (this.error) return;
		const { carrier, machine } = this;
		const { closing } = machine;
		this.error = closing ? new TwinwireError(closing.code || Code.Canceled, closing.reason || ended) : error;
		this.carrier = undefined;
		clearTimeout(this.timer);
		clearTimeout(this.closer);
		machine.end(this.error);
		carrier?.close(code, error.message.slice(0, 40));
		this.changed('ended', this.error);
	}
}
