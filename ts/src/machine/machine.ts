import type { TwinwireError } from '../error.js';
import type { Frame } from '../frame/frame.js';
import { type Call, endCalls, failWaiting, type Item } from './calls.js';
import { type Binding, Limit, type Listener, type Party, type Serving, type Topic, type Window } from './config.js';
import { acknowledge, bindAgain, Lane } from './lane.js';
import type { Partial_ } from './parts.js';
import { endStreams, type InStream, type OutStream, renewWindows } from './streams.js';
import { watch } from './watch.js';

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
 * milliseconds, and answers with batches (batch.ts). This is what it knows;
 * what it does are the functions of this directory.
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
	/** Topics by id, and the highest version that was seen of each (clause 7.6). */
	readonly topics = new Map<number, Topic>([[0, { name: '', version: 0 }]]);
	lastTopic = 0;
	readonly states = new Map<number, Topic>();
	lastState = 0;

	/** When something was last received, when a PING was queued since (0 for none), and when waiting began; milliseconds of a round trip. See watch.ts. */
	heard = 0;
	asked = 0;
	since = 0;
	trip = 0;

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
		watch(this, now);
	}
}

/** Whether nothing but acknowledgements may be sent (clause 8.2). */
export const silent = (m: Machine): boolean => m.closeSent || !!m.goodbye;

/** Whether the session can go on with another carrier. */
export const resumable = (m: Machine): boolean => m.keeps && !m.ended && !silent(m);

/** Whether new frames of a lane may be sent: not before what is sent again, and not more than may be kept. */
export const isOpen = (m: Machine, l: Lane): boolean => l.again >= l.kept.length && l.keptBytes < (l === m.bulkLane || l === m.streamLane ? Limit.StreamRetention : Limit.Retention);

/** All ends of calls that are running. */
export const parties = (m: Machine): Party[] => [...m.running.values(), ...(m.serving?.parties() ?? [])];

/** Begins the goodbye: nothing new is taken; what is queued is still sent, and then CLOSE. */
export function close(m: Machine, code: number, reason: string): void {
	m.closing = { code, reason };
	failWaiting(m);
}

/** Goes on with another carrier: what the peer has not received is sent again (clause 14.4). */
export function rebind(m: Machine, b: Binding, now: number): void {
	m.binding = b;
	watch(m, now);
	m.detached = m.closeSent = m.attached = false;
	m.control = [];
	for (const l of m.lanes) {
		acknowledge(l, b.nexts[l.number] ?? 0);
		bindAgain(l, b.told[l.number] ?? 0);
	}
	for (const q of m.quotas) m.credits.add(q);
	renewWindows(m);
}

/** The end of the session without agreement: every call ends (clause 8.3). */
export function end(m: Machine, error: TwinwireError): void {
	if (m.ended) return;
	m.ended = true;
	endStreams(m, error);
	endCalls(m);
	m.serving?.end();
}
