import { Code, TwinwireError, violation } from '../error.js';
import { Frame, numbered, parseFrame } from '../frame/frame.js';
import { F1, F5, Kind, layouts } from '../frame/layout.js';
import { Batcher } from './batch.js';
import { type Call, Calls } from './calls.js';
import { type Binding, type Config, limits } from './config.js';
import { Control, type Goodbye } from './control.js';
import { Heartbeat } from './heartbeat.js';
import { Lane } from './lane.js';
import { type Item, Queue } from './message.js';
import { Serving } from './served.js';
import { States } from './states.js';
import { Streams } from './streams.js';
import { Topics } from './topics.js';

const decoder = new TextDecoder();

/**
 * A session as a state machine, at the client: sequence numbers, lanes,
 * acknowledgements, windows, calls, streams, states and topics. It does no
 * I/O and reads no clock: it is given frames and the time in milliseconds, and
 * answers with batches, and with effects that are to be run after receive.
 */
export class Machine {
	readonly lanes: readonly Lane[];
	readonly callLane: Lane;
	readonly eventLane: Lane;
	/** Numbers of lanes by role (clause 4.3). */
	readonly call: number;
	readonly event: number;
	readonly bulkLane: number;
	readonly streamLane: number;

	readonly control = new Control();
	readonly heartbeat = new Heartbeat(this);
	readonly calls: Calls;
	readonly serving: Serving;
	readonly streams: Streams;
	private readonly topics = new Topics(this);
	private readonly states = new States(this);
	private readonly batcher = new Batcher(this);

	/** What leaves on the call lane, in order; large messages that wait for credit, and those in parts. */
	readonly queue = new Queue<Item>();
	readonly credit = new Queue<Item>();
	readonly parts = new Queue<Item>();

	/** What is to be run after receive, in its order. */
	effects: (() => void)[] = [];

	binding: Binding;
	ended = false;
	private detached = false;
	/** This side says goodbye, or has. */
	closing: { readonly code: number; readonly reason: string } | undefined;
	closeSent = false;
	goodbye: Goodbye | undefined;
	/** The generation in which the server has announced its end (clause 8.4). */
	private leftIn: number | undefined;

	/** Credit for large messages, of the peer and of this side (clause 5.5). */
	largeLimit: number;
	largeReserved = 0;
	largeGranted: number;
	private largeTaken = 0;
	private largeDone = 0;

	private readonly frame = new Frame();

	constructor(
		readonly config: Config,
		now: number,
	) {
		this.lanes = Array.from({ length: config.lanes }, () => new Lane());
		const role = (n: number): number => Math.min(n, config.lanes - 1);
		this.call = role(1);
		this.event = role(2);
		this.bulkLane = role(3);
		this.streamLane = role(4);
		this.callLane = this.lanes[this.call] as Lane;
		this.eventLane = this.lanes[this.event] as Lane;
		this.calls = new Calls(this);
		this.serving = new Serving(this);
		this.streams = new Streams(this);
		this.largeLimit = config.peer.large;
		this.largeGranted = config.own.large;
		this.binding = config.binding;
		this.heartbeat.begin(this.binding.heartbeat, this.binding.trip, now);
	}

	/** How many pipes the carrier has: one, or one for each lane. */
	get pipes(): number {
		return this.binding.independent ? this.lanes.length : 1;
	}

	/** Whether frames of a lane travel in a pipe. */
	carries(pipe: number, lane: number): boolean {
		return !this.binding.independent || pipe === lane;
	}

	get takesNothing(): boolean {
		return this.ended || this.closing !== undefined || this.goodbye !== undefined;
	}

	/** Why nothing new is taken. */
	why(): TwinwireError {
		return new TwinwireError(Code.Unavailable, this.ended ? 'session has ended' : 'session is closing');
	}

	/** Whether nothing but acknowledgements may be sent (clause 8.2). */
	get silent(): boolean {
		return this.closeSent || this.goodbye !== undefined;
	}

	/** Whether the session can go on with another carrier. */
	get resumable(): boolean {
		return this.config.keeps && !this.ended && !this.closeSent && !this.goodbye;
	}

	/** Whether the peer owes an answer or an acknowledgement (clause 14.5). */
	get awaits(): boolean {
		return this.config.keeps && (this.calls.running.size > 0 || this.lanes.some((l) => l.acked !== l.sent));
	}

	/** When tick wants to be called next, in milliseconds. */
	get deadline(): number {
		if (this.detached || this.ended) return Infinity;
		return this.lanes.reduce((at, l) => (l.ackDue !== 0 && l.ackDue < at ? l.ackDue : at), this.heartbeat.deadline);
	}

	/** Takes note of the time. It throws PeerDead. */
	tick(now: number): void {
		if (this.ended || this.detached) return;
		for (const l of this.lanes) l.tick(now);
		this.heartbeat.tick(now);
	}

	/** Returns the next batch of a pipe, if there is something to send. */
	batch(pipe: number, now: number): Uint8Array | undefined {
		return this.ended || this.detached ? undefined : this.batcher.batch(pipe, now);
	}

	/** Takes an item out of the queues, of which no frame was sent. */
	withdraw(it: Call): void {
		it.dropped = true;
		if (it.reserved) this.largeReserved -= it.payload.length;
	}

	/** Takes a message of several frames off the credit that the peer has (clause 5.5). */
	reserve(size: number): void {
		if (size > this.config.own.max) throw violation('message over the size limit');
		if (this.largeTaken + size > this.largeGranted) throw violation('message beyond the credit');
		this.largeTaken += size;
	}

	consumedLarge(size: number): void {
		this.largeDone += size;
		this.largeGranted = this.largeDone + this.config.own.large;
		this.control.large = true;
	}

	/** Takes whole frames that arrived in a pipe. It throws what the peer did wrong; effects are to be run even then. */
	receive(pipe: number, b: Uint8Array, now: number): void {
		if (this.ended || this.detached) return;
		this.heartbeat.received(now);
		const f = this.frame;
		for (let at = 0; at < b.length; ) {
			const end = parseFrame(b, at, f);
			this.take(pipe, f, end - at, now);
			at = end;
		}
	}

	/** Whether everything before the peer's CLOSE has arrived. */
	get agreed(): boolean {
		return this.goodbye?.nexts.every((next, i) => (this.lanes[i]?.next ?? 0) >= next) === true;
	}

	private take(pipe: number, f: Frame, n: number, now: number): void {
		const l = this.lanes[f.lane];
		if (!l) throw violation('lane out of range');
		if (!numbered(f.kind)) return this.takeControl(pipe, f, l);
		if (!this.carries(pipe, f.lane) || !l.bound) throw violation('frame on a lane that is not bound');
		const data = f.kind === Kind.Data;
		if (!l.accept(f.seq, data ? 0 : n, now, data && (f.flags & F5) !== 0)) return;
		if (f.packed) throw violation('compressed payload without agreement');
		if (!layouts[f.kind]) return;
		this.takeNumbered(f, l, now);
		if (f.lane === this.event) this.calls.release();
	}

	private takeNumbered(f: Frame, l: Lane, now: number): void {
		const { kind } = f;
		const events = kind === Kind.Topic || kind === Kind.Event || kind === Kind.Gap || (kind === Kind.More && f.flags >> 4 === 3);
		const free = kind === Kind.Data || kind === Kind.Reset;
		if (!free && f.lane !== (events ? this.event : this.call)) throw violation('frame on the wrong lane');
		switch (kind) {
			case Kind.Call:
			case Kind.Message: return this.serving.receive(f, l, now);
			case Kind.Reply: return this.calls.reply(f);
			case Kind.Cancel: return this.serving.cancel(f);
			case Kind.State: return this.states.receive(f);
			case Kind.Stop: return this.streams.receiveStop(f);
			case Kind.Data:
			case Kind.Reset: return this.streams.receive(f);
			case Kind.More: return [this.serving, this.calls, this.states, this.topics][f.flags >> 4]?.more(f);
			default: return this.topics.receive(f, l);
		}
	}

	private takeControl(pipe: number, f: Frame, l: Lane): void {
		if (pipe !== 0 && this.binding.independent) {
			if (!this.lanes[pipe]?.bound) throw violation('frame on a lane that is not bound');
			if (f.kind !== Kind.Ack && layouts[f.kind]) throw violation('control frame outside of lane 0');
		}
		switch (f.kind) {
			case Kind.Ack: return l.acknowledge(f.next);
			case Kind.Open:
				if (!l.bound) l.asked = true;
				return;
			case Kind.Ping: return this.heartbeat.ping(f.id, f.exact?.id === undefined ? undefined : { id: f.exact.id });
			case Kind.Pong: return this.heartbeat.pong(f.id);
			case Kind.Credit: return this.takeCredit(f);
			case Kind.Window: return this.streams.receiveWindow(f);
			case Kind.Close: return this.takeClose(f);
			case Kind.Leaving: return this.takeLeaving(f);
			case Kind.Challenge:
			case Kind.Welcome:
			case Kind.Refuse: {
				const { kind, payload } = f;
				this.effects.push(() => this.config.listener.renewal(kind, payload));
				return;
			}
			case Kind.Attach: throw violation('ATTACH from a server');
			case Kind.Hello:
			case Kind.Proof: throw violation('handshake frame after the handshake');
		}
	}

	private takeCredit(f: Frame): void {
		if (f.id === 0) this.calls.creditMessages(f.next);
		else if (f.id === 1) this.largeLimit = Math.max(this.largeLimit, f.next);
		else if (f.id === 2) this.streams.credit(f.next);
		else throw violation('credit for an unknown resource');
	}

	private takeClose(f: Frame): void {
		const { generation } = this.binding;
		if (this.goodbye?.generation === generation) throw violation('second CLOSE');
		this.goodbye = { code: f.code, reason: decoder.decode(f.name), retryAfter: f.flags & F1 ? f.millis : undefined, nexts: f.nexts.map(Number), generation };
	}

	private takeLeaving(f: Frame): void {
		const { generation } = this.binding;
		if (this.leftIn === generation) throw violation('second LEAVING');
		this.leftIn = generation;
		const within = f.next || undefined;
		const retryAfter = f.flags & F1 ? f.millis : undefined;
		this.effects.push(() => this.config.listener.leaving(within, retryAfter));
	}

	/** Begins the goodbye: nothing new is taken; what is queued is still sent, and then CLOSE. */
	close(code: number, reason: string): void {
		if (this.closing || this.ended) return;
		this.closing = { code, reason };
		this.calls.closing();
	}

	/** Takes note that there is no carrier. */
	detach(): void {
		this.detached = true;
	}

	/** Goes on with another carrier: what the peer has not received is sent again (clause 14.4). */
	rebind(binding: Binding, now: number): void {
		if (this.lanes.some((l, i) => (binding.nexts[i] ?? 0) > l.sent)) throw new TwinwireError(Code.FailedPrecondition, 'peer expects frames that were never sent');
		this.detached = this.closeSent = false;
		this.binding = binding;
		this.heartbeat.begin(binding.heartbeat, binding.trip, now);
		this.lanes.forEach((l, i) => {
			l.acknowledge(binding.nexts[i] ?? 0);
			l.rebind(binding.told[i] ?? 0);
		});
		const c = this.control;
		c.attached = c.ping = false;
		c.messages = c.large = c.streams = true;
		c.renewal = [];
		this.streams.renew();
	}

	/** The end of the session without agreement: every call ends (clause 8.3). */
	end(error: TwinwireError): void {
		if (this.ended) return;
		this.streams.end(error);
		this.ended = true;
		const unsent: Item[] = [];
		for (const q of [this.queue, this.credit, this.parts]) for (let it = q.shift(); it; it = q.shift()) unsent.push(it);
		this.calls.end(unsent);
		this.serving.end();
	}

	/** Whether new frames of a lane may be sent: not before what is sent again, and not more than may be kept. */
	open(lane: number): boolean {
		const l = this.lanes[lane] as Lane;
		const most = lane === this.bulkLane || lane === this.streamLane ? limits.streamRetention : limits.retention;
		return !l.replays && l.keptBytes < most;
	}
}
