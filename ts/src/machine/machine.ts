import { Code, TwinwireError } from '../error.js';
import { Frame } from '../frame/frame.js';
import { Kind } from '../frame/layout.js';
import { type Call, endCalls, ended, failWaiting, type Item } from './calls.js';
import { type Binding, Limit, type Listener, type Party, type Serving, type Window } from './config.js';
import { Lane } from './lane.js';
import type { Partial_ } from './parts.js';
import { endStreams, type InStream, type OutStream, renewWindows } from './streams.js';

/** How long a peer may be silent that somebody waits for (clause 14.5), in milliseconds and round trips. */
const watchTime = 400;
const watchTrips = 2; // until the peer is asked, and one more for its answer

/** The most that a message takes of its window (clause 5.4). */
export const maxShare = 5;

/** A resource of CREDIT (clauses 5.4, 5.5 and 12.5), in both directions. */
export class Quota {
	/** How much of the limit of the peer this side has used. */
	used = 0;
	/** What the peer was granted, has taken of it, and what is over of that. */
	granted = this.window;
	private taken = 0;
	private over = 0;

	constructor(
		readonly id: number,
		public limit: number,
		private readonly window: number,
		/** Those of which the peer is to be told. */
		private readonly due: Set<Quota>,
	) {}

	/** Takes a part of what the peer was granted, and reports whether it has so much. */
	take(n = 1): boolean {
		return (this.taken += n) <= this.granted;
	}

	/** Says that the peer may have more when it is over with n: a quarter of the window at a time, or if it has little left. */
	free(n: number): void {
		const { granted, window } = this;
		const limit = (this.over += n) + window;
		if (limit - granted < window / 4 && granted - this.taken >= Math.min(maxShare, window)) return;
		this.granted = limit;
		this.due.add(this);
	}
}

/**
 * A session as a state machine, at the client: sequence numbers, lanes,
 * acknowledgements, windows, calls, streams, states and topics. It does no
 * I/O and reads no clock: it is given frames (receive.ts) and the time in
 * milliseconds, and answers with batches (batch.ts).
 */
export class Machine {
	readonly lanes: readonly Lane[];
	/** Lanes by role (clause 4.3). */
	readonly callLane: Lane;
	readonly eventLane: Lane;
	readonly bulkLane: Lane;
	readonly streamLane: Lane;

	/** The client has bound lane 0, or will with its first batch. */
	attached = false;
	detached = false;
	ended = false;
	/** This side says goodbye, or has; the peer has, and in which generation. */
	closing: { readonly code: number; readonly reason: string } | undefined;
	closeSent = false;
	goodbye: Frame | undefined;
	goodbyeIn = 0;
	/** The generation in which the server has announced its end (clause 8.4). */
	leftIn = 0;

	/** What waits to be sent on lane 0 (clause 2.7): frames, encoded or not, CREDIT and WINDOW that are due. */
	control: (Frame | Uint8Array)[] = [];
	readonly credits = new Set<Quota>();
	readonly windows = new Set<InStream>();

	readonly messages: Quota;
	readonly large: Quota;
	readonly streams: Quota;
	/** Those by their numbers. */
	readonly quotas: readonly Quota[];

	/** Calls and messages that wait for a window; what leaves on the call lane, in order; large messages that wait for credit, and those in parts. */
	readonly waiting: Call[] = [];
	readonly queue: Item[] = [];
	readonly credit: Item[] = [];
	readonly parts: Item[] = [];
	queued = 0;
	queuedBytes = 0;

	/** Calls of which a frame was sent and that have no answer, and how many take a place in the peer's window. */
	readonly running = new Map<number, Call>();
	calls = 0;
	lastId = 0;

	/** Streams of this side, in the order of their turns. What windows of streams may still grow. */
	readonly outs: OutStream[] = [];
	spare: number;

	/** Messages of several frames that arrive. */
	readonly partial = new Map<number, Partial_>();
	readonly topics = new Map<number, string>([[0, '']]);
	/** The highest version that was seen of a topic (clause 7.6). */
	readonly versions = new Map<number, number>();
	lastTopic = 0;
	readonly states = new Map<number, { readonly name: string; version: number }>();
	lastState = 0;

	/** When something was last received, when a PING was queued since (0 for none), and when waiting began. */
	private heard = 0;
	private asked = 0;
	private since = 0;
	private trip = 0;

	serving: Serving | undefined;

	constructor(
		readonly own: Window,
		readonly peer: Window,
		lanes: number,
		/** Whether the session outlives its carriers (clause 14). */
		readonly keeps: boolean,
		public binding: Binding,
		readonly listener: Listener,
		now: number,
	) {
		this.lanes = Array.from({ length: lanes }, (_, i) => new Lane(i));
		const role = (n: number): Lane => this.lanes[Math.min(n, lanes - 1)] as Lane;
		this.callLane = role(1);
		this.eventLane = role(2);
		this.bulkLane = role(3);
		this.streamLane = role(4);
		this.quotas = [
			(this.messages = new Quota(0, peer.msgs, own.msgs, this.credits)),
			(this.large = new Quota(1, peer.large, own.large, this.credits)),
			(this.streams = new Quota(2, peer.streams, own.streams, this.credits)),
		];
		this.spare = Limit.StreamWindows - own.streams * own.stream;
		this.watch(binding, now);
	}

	/** How many pipes the carrier has: one, or one for each lane. */
	get pipes(): number {
		return this.binding.independent ? this.lanes.length : 1;
	}

	/** Whether nothing but acknowledgements may be sent (clause 8.2). */
	get silent(): boolean {
		return this.closeSent || !!this.goodbye;
	}

	/** Throws why nothing new is taken. */
	takesNew(): void {
		if (this.ended || this.closing || this.goodbye) throw new TwinwireError(Code.Unavailable, ended);
	}

	/** Whether the session can go on with another carrier. */
	get resumable(): boolean {
		return this.keeps && !this.ended && !this.silent;
	}

	/** Whether everything before the peer's CLOSE has arrived. */
	get agreed(): boolean {
		return !!this.goodbye?.nexts.every((next, i) => (this.lanes[i]?.next ?? 0) >= next);
	}

	/** Whether new frames of a lane may be sent: not before what is sent again, and not more than may be kept. */
	open(l: Lane): boolean {
		return l.again >= l.kept.length && l.keptBytes < (l === this.bulkLane || l === this.streamLane ? Limit.StreamRetention : Limit.Retention);
	}

	/** All ends of calls that are running. */
	parties(): Party[] {
		return [...this.running.values(), ...(this.serving?.parties() ?? [])];
	}

	// Silence of the peer (clauses 8.1 and 14.5).

	private watch(b: Binding, now: number): void {
		this.trip = b.trip;
		this.heard = this.since = now;
		this.asked = 0;
	}

	/** Whether the peer owes an answer or an acknowledgement. */
	private get awaits(): boolean {
		return this.keeps && (this.running.size > 0 || this.lanes.some((l) => l.acked !== l.sent));
	}

	private get patience(): number {
		const { heartbeat } = this.binding;
		return this.awaits ? Math.min(heartbeat, Math.max(watchTime, (watchTrips + (this.asked ? 1 : 0)) * this.trip)) : heartbeat;
	}

	private get silence(): number {
		return this.asked || (this.awaits ? Math.max(this.heard, this.since) : this.heard);
	}

	/** Takes note of a batch: the watch begins with the first thing that is waited for. */
	sending(now: number): void {
		if (!this.awaits) this.since = now;
	}

	received(now: number): void {
		this.heard = now;
		this.asked = 0;
	}

	pong(token: number): void {
		// The shortest counts: one that an outage made long must not hide the next. A token is a time in microseconds.
		this.trip = Math.min(this.trip, Math.abs(this.heard - token / 1000));
	}

	/** When tick wants to be called next, in milliseconds. */
	get deadline(): number {
		return this.detached || this.ended ? Infinity : Math.min(this.silence + this.patience, ...this.lanes.map((l) => l.ackAt));
	}

	/** Takes note of the time, and reports whether the peer is dead: it was asked and said nothing. */
	tick(now: number): boolean {
		if (now < this.deadline) return false;
		for (const l of this.lanes) if (l.ackAt <= now) l.due();
		if (now < this.silence + this.patience) return false;
		if (this.asked) return true;
		this.asked = now;
		this.control.push(new Frame(Kind.Ping, { id: Math.floor(now * 1000) }));
		return false;
	}

	// The life of a session.

	/** Begins the goodbye: nothing new is taken; what is queued is still sent, and then CLOSE. */
	close(code: number, reason: string): void {
		this.closing = { code, reason };
		failWaiting(this);
	}

	/** Goes on with another carrier: what the peer has not received is sent again (clause 14.4). */
	rebind(b: Binding, now: number): void {
		this.binding = b;
		this.watch(b, now);
		this.detached = this.closeSent = this.attached = false;
		this.control = [];
		for (const l of this.lanes) {
			l.acknowledge(b.nexts[l.number] ?? 0);
			l.rebind(b.told[l.number] ?? 0);
		}
		for (const q of this.quotas) this.credits.add(q);
		renewWindows(this);
	}

	/** The end of the session without agreement: every call ends (clause 8.3). */
	end(error: TwinwireError): void {
		if (this.ended) return;
		this.ended = true;
		endStreams(this, error);
		endCalls(this);
		this.serving?.end();
	}
}
