export { type DatagramEvents, datagrams } from './datagrams.js';
import { encode, type Type } from '../codec/types.js';
import { Code, TwinwireError } from '../error.js';
import { encodeFrame, Frame } from '../frame/frame.js';
import { F1, F3, Kind, maxPayload } from '../frame/layout.js';
import { utf8 } from '../frame/varint.js';
import { ended } from '../machine/calls.js';
import { Limit } from '../machine/config.js';
import { refer, validName } from '../machine/lane.js';
import { isOpen } from '../machine/machine.js';
import type { Link } from '../session/link.js';
import type { Session } from '../session/session.js';
import type { Datagrams } from '../wires/carrier.js';

/** How long no newer event may follow one that went by datagram before it is sent again (clause 7.9), and when is looked whether the lane takes more, in milliseconds. */
const repairTime = 50;
const pollTime = 10;
/** The most bytes of a datagram (clause 7.8). */
const maxDatagram = 1100;
const maxName = 255;

/** Sends the events of a topic of which only the newest counts. */
export interface Publisher {
	/**
	 * Sends an event, in place of those before it that are not sent yet. No
	 * older one arrives after a newer one, and the newest always arrives. name
	 * is that of its type, such as "cursor.Moved"; the event is at most 16,384
	 * bytes. It throws a TwinwireError: Unavailable when the session or the topic
	 * is over, TooLarge, BadRequest for the name.
	 */
	emit<T>(name: string, type: Type<T>, event: T): void;
	/** Ends the topic: the server hears of that behind the newest event. */
	end(): void;
}

/** The id of the last topic of a session, and who writes the datagrams of a carrier. */
const lastIds = new WeakMap<Link, number>();
const writers = new WeakMap<Datagrams, WritableStreamDefaultWriter<Uint8Array>>();

const writerOf = (d: Datagrams): WritableStreamDefaultWriter<Uint8Array> => {
	const writer = writers.get(d) ?? ((d.writable ?? d.createWritable?.()) as WritableStream<Uint8Array>).getWriter();
	writers.set(d, writer);
	return writer;
};

/**
 * Subscribes the server to a topic of this side of which only the newest event
 * counts, such as where a pointer is: its events travel by datagram where the
 * wire has them and they fit, and on the event lane otherwise (clauses 7.6 to
 * 7.9). It throws a TwinwireError if the session cannot have another topic.
 */
export function newest(session: Session, topic: string): Publisher {
	const { link } = session;
	const { machine } = link;
	const { eventLane: lane, callLane, peer } = machine;
	const id = (lastIds.get(link) ?? 0) + 1;
	const named = utf8(topic);
	if (named.length > maxName) throw new TwinwireError(Code.TooLarge, 'name of a topic');
	// What a lane keeps has to be in order with what else travels on it.
	if (id > Limit.Topics || lane === callLane) throw new TwinwireError(Code.ResourceExhausted, 'topics');
	lastIds.set(link, id);
	const versions = peer.features?.includes('latest');
	let version = 0;
	/** The newest event, until the lane has it, and whether the lane had one before: then the server knows the topic. */
	let event: { readonly name: string; readonly payload: Uint8Array } | undefined;
	let told = false;
	/** A datagram waits to leave, for the newest event. */
	let asked = false;
	let timer: ReturnType<typeof setTimeout> | undefined;
	let over = false;

	/** Queues a frame on the event lane, as one that was sent and has to be sent again. */
	const queue = (f: Frame): void => {
		f.lane = lane.number;
		f.seq = lane.sent++;
		const b = encodeFrame(f);
		lane.kept.push(b);
		lane.keptBytes += b.length;
		link.kick();
	};

	/** Has the lane carry the newest event, as soon as it takes more. */
	const settle = (): void => {
		clearTimeout(timer);
		if (!event || link.error || machine.closing) return;
		if (told && !over && !isOpen(machine, lane)) {
			timer = setTimeout(settle, pollTime);
			return;
		}
		const f = new Frame(Kind.Event, { id, payload: event.payload, flags: versions ? F3 : 0, version });
		refer(lane, f, event.name, peer.names);
		event = undefined;
		told = true;
		queue(f);
	};

	/** The datagram of the newest event, if the carrier takes it. */
	const datagram = (d: Datagrams): Uint8Array | undefined => {
		const b = event && encodeFrame(new Frame(Kind.Latest, { lane: lane.number, id, version, name: utf8(event.name), payload: event.payload }));
		return b && b.length <= Math.min(d.maxDatagramSize, maxDatagram) ? b : undefined;
	};

	const send = (): void => {
		const { carrier } = link;
		const d = told && versions && machine.attached ? carrier?.datagrams : undefined;
		if (asked) return;
		if (!d || !datagram(d)) return settle();
		asked = true;
		const writer = writerOf(d);
		writer.ready
			.then(() => {
				asked = false;
				const b = link.carrier === carrier && !over ? datagram(d) : undefined;
				if (!b) return settle();
				writer.write(b).catch(() => {}); // it is lost
				clearTimeout(timer);
				timer = setTimeout(settle, repairTime);
			})
			.catch(() => {
				asked = false;
				settle();
			});
	};

	queue(new Frame(Kind.Topic, { id, flags: F1, name: named }));
	return {
		emit: (name, type, value) => {
			if (over || link.error || machine.closing) throw new TwinwireError(Code.Unavailable, ended, { cause: link.error });
			if (!validName(name)) throw new TwinwireError(Code.BadRequest, 'malformed name');
			const payload = encode(type, value);
			if (payload.length > Math.min(maxPayload, peer.max)) throw new TwinwireError(Code.TooLarge, 'event');
			event = { name, payload };
			version++;
			send();
		},
		end: () => {
			if (over || link.error || machine.closing) return;
			over = true;
			settle();
			queue(new Frame(Kind.Topic, { id }));
		},
	};
}
