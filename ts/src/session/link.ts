import { Code, TwinwireError } from '../error.js';
import type { Binding } from '../machine/config.js';
import type { Machine } from '../machine/machine.js';
import type { Carrier, Receiver } from '../wires/carrier.js';

/** Runs a function when what is due in this turn of the event loop has been done. */
export function later(f: () => void): void {
	const { setImmediate } = globalThis as { setImmediate?: (f: () => void) => void };
	if (setImmediate) return void setImmediate(f);
	// A timer would wait for 4 ms.
	const { port1, port2 } = new MessageChannel();
	port1.onmessage = f;
	port2.postMessage(0);
}

/** How long the peer may take to agree to a goodbye, in milliseconds. */
const closeTime = 1000;

/** Who is told what becomes of a session. */
export interface Owner {
	/** The carrier is lost; the machine waits for another. */
	detached(cause: TwinwireError): void;
	/** The session goes on with another carrier. */
	resumed(): void;
	/** The session is over. */
	ended(cause: TwinwireError): void;
}

/** The machine of a session, its carrier, and the clock: everything that has effects. */
export class Link {
	carrier: Carrier | undefined;
	/** Why the session is over. */
	error: TwinwireError | undefined;
	private scheduled = false;
	private deferred = false;
	private timer: ReturnType<typeof setTimeout> | undefined;
	private timerAt = Infinity;
	private closer: ReturnType<typeof setTimeout> | undefined;

	constructor(
		readonly machine: Machine,
		private readonly owner: Owner,
	) {}

	now(): number {
		return performance.now();
	}

	/** Takes a carrier, whose server has welcomed the client. */
	attach(carrier: Carrier): void {
		this.carrier = carrier;
		const mine = (): boolean => this.carrier === carrier;
		const receiver: Receiver = {
			frames: (pipe, b) => {
				if (!mine()) return;
				this.guard(() => this.machine.receive(pipe, b, this.now()));
				this.effects();
				if (this.machine.agreed) this.agree();
				this.flush();
			},
			ready: () => mine() && this.flush(),
			closed: (code, reason) => mine() && this.lost(code, reason),
		};
		carrier.receiver = receiver;
		this.kick();
	}

	/** Moves to another carrier (clause 14.2). */
	rebind(carrier: Carrier, binding: Binding): void {
		const before = this.carrier;
		this.machine.rebind(binding, this.now());
		this.attach(carrier);
		before?.close(Code.Replaced, 'the session goes on with another carrier');
		this.owner.resumed();
	}

	/** Has what waits sent, after what the program does in the same task. */
	kick(): void {
		if (this.scheduled) return;
		this.scheduled = true;
		queueMicrotask(() => {
			this.scheduled = false;
			this.flush();
		});
	}

	/** Has what waits sent a little later, for who is about to add to it. */
	defer(): void {
		if (this.deferred || this.scheduled) return;
		this.deferred = true;
		later(() => {
			this.deferred = false;
			this.flush();
		});
	}

	private flush(): void {
		const { carrier, machine } = this;
		if (!carrier || this.error) return;
		for (let pipe = 0; pipe < machine.pipes; pipe++) {
			while (carrier.writable(pipe)) {
				const b = machine.batch(pipe, this.now());
				if (!b) break;
				carrier.send(pipe, b);
			}
		}
		this.effects();
		this.arm();
	}

	private effects(): void {
		while (this.machine.effects.length > 0) {
			const effects = this.machine.effects;
			this.machine.effects = [];
			for (const effect of effects) effect();
		}
	}

	private arm(): void {
		const at = this.machine.deadline;
		if (at >= this.timerAt || at === Infinity) return;
		clearTimeout(this.timer);
		this.timerAt = at;
		this.timer = setTimeout(() => {
			this.timerAt = Infinity;
			this.guard(() => this.machine.tick(this.now()));
			this.flush();
		}, Math.max(0, Math.ceil(at - this.now())));
	}

	/** Runs what may find that the peer broke the protocol, or is dead. */
	private guard(f: () => void): void {
		try {
			f();
		} catch (err) {
			const error = err instanceof TwinwireError ? err : new TwinwireError(Code.Internal, 'session failed', { cause: err });
			const carrier = this.carrier;
			if (error.code === Code.PeerDead && this.machine.resumable) {
				carrier?.close(error.code, '');
				this.lose(error);
			} else this.end(error);
		}
	}

	/** The carrier has ended. One that broke may be followed by another (clause 14.1). */
	private lost(code: number | undefined, reason: string): void {
		const error = new TwinwireError(code || Code.Unavailable, reason || (code === undefined ? 'connection lost' : 'closed by the server'));
		const broke = code === undefined || code === Code.Replaced || code === Code.PeerDead;
		if (broke && this.machine.resumable && !this.machine.closing) this.lose(error);
		else this.end(error);
	}

	private lose(cause: TwinwireError): void {
		this.machine.detach();
		this.carrier = undefined;
		this.owner.detached(cause);
	}

	/** Everything before the peer's goodbye has arrived. */
	private agree(): void {
		const { code, reason, retryAfter } = this.machine.goodbye ?? { code: 0, reason: '', retryAfter: undefined };
		const b = this.machine.batch(0, this.now());
		if (b) this.carrier?.send(0, b);
		this.end(new TwinwireError(code || Code.Unavailable, reason || 'session was closed by the server', { retryAfter }), Code.Accepted);
	}

	/** Says goodbye: what is queued is sent, and the peer agrees or time is up. */
	close(code: number, reason: string): void {
		if (this.error || this.machine.closing) return;
		const why = new TwinwireError(code || Code.Canceled, reason || 'session was closed');
		this.machine.close(code, reason);
		if (!this.carrier) return this.end(why);
		this.closer = setTimeout(() => this.end(why, code), closeTime);
		this.kick();
	}

	/** Ends the session at once. */
	end(error: TwinwireError, code = error.code): void {
		if (this.error) return;
		const { closing } = this.machine;
		this.error = closing ? new TwinwireError(closing.code || Code.Canceled, closing.reason || 'session was closed') : error;
		clearTimeout(this.timer);
		clearTimeout(this.closer);
		const carrier = this.carrier;
		this.carrier = undefined;
		this.effects();
		this.machine.end(this.error);
		carrier?.close(code, error.message.slice(0, 40));
		this.owner.ended(this.error);
	}
}
