import { Code, TwinwireError, violation } from '../error.js';
import type { Machine } from './machine.js';

/** PINGs that a peer may send in a second (clause 8.1). */
const maxPings = 10;
/** How long a peer may be silent that somebody waits for (clause 14.5), in milliseconds and round trips. */
const watchTime = 400;
const watchTrips = 4;

/** Notices the silence of a peer (clauses 8.1 and 14.5). Times are in milliseconds. */
export class Heartbeat {
	/** When something was last received, when a PING was queued since (0 for none), and when waiting began. */
	private heard = 0;
	private asked = 0;
	private since = 0;
	private second = 0;
	private pings = 0;
	private trip = 0;
	private interval = 0;

	constructor(private readonly m: Machine) {}

	/** Begins with another carrier. */
	begin(interval: number, trip: number, now: number): void {
		this.interval = interval;
		this.trip = trip;
		this.heard = this.since = now;
		this.asked = 0;
	}

	received(now: number): void {
		this.heard = now;
		this.asked = 0;
	}

	/** Takes note of a batch: the watch begins with the first thing that is waited for. */
	sending(now: number): void {
		if (!this.m.awaits) this.since = now;
	}

	private get patience(): number {
		return this.m.awaits ? Math.min(this.interval, Math.max(watchTime, watchTrips * this.trip)) : this.interval;
	}

	private get silence(): number {
		return this.m.awaits ? Math.max(this.heard, this.since) : this.heard;
	}

	/** When tick wants to be called. */
	get deadline(): number {
		return Math.max(this.silence, this.asked) + this.patience;
	}

	/** Throws PeerDead if the peer was asked and said nothing. */
	tick(now: number): void {
		if (this.asked !== 0) {
			if (now - this.asked >= this.patience) throw new TwinwireError(Code.PeerDead, 'nothing was heard from the peer for two heartbeats');
		} else if (now - this.silence >= this.patience) {
			this.asked = now;
			this.m.control.ping = true;
			this.m.control.token = Math.floor(now * 1000);
		}
	}

	ping(id: number, exact: { id?: bigint } | undefined): void {
		if (this.heard - this.second >= 1000) {
			this.second = this.heard;
			this.pings = 0;
		}
		if (++this.pings > maxPings) throw violation('too many heartbeats');
		const { pongs } = this.m.control;
		pongs.push({ id, exact });
		if (pongs.length > maxPings) pongs.shift();
	}

	pong(id: number): void {
		if (id !== this.m.control.token || id === 0) return;
		// The shortest counts: one that an outage made long must not hide the next.
		const trip = this.heard - id / 1000;
		if (this.trip === 0 || trip < this.trip) this.trip = trip;
	}
}
