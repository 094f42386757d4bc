import { must } from '../error.js';
import { type Frame, parseFrame } from '../frame/frame.js';
import { Kind } from '../frame/layout.js';
import { text } from '../frame/varint.js';
import type { Machine } from '../machine/machine.js';
import { newer } from '../machine/receive.js';
import type { Session } from '../session/session.js';

/** What has events travel by datagram: datagrams of twinwire/newest. */
export interface DatagramEvents {
	/** The feature of clause 7.6. */
	readonly name: string;
	/** Begins to read the datagrams of a session. */
	read(session: Session): void;
}

/** Takes a datagram: events of which the newest counts (clause 7.8). It throws what the peer did wrong. */
function receive(m: Machine, b: Uint8Array): void {
	for (let at = 0, f: Frame; at < b.length; ) {
		[f, at] = parseFrame(b, at);
		must(f.kind === Kind.Latest && f.id && f.version, 7.8);
		const topic = m.topics.get(f.id);
		if (topic && newer(topic, f)) m.listener.event(topic.name, 'event', text(f.name), 0, f.payload);
	}
}

/**
 * For ConnectOptions.datagrams: has events of which only the newest counts
 * travel by datagram, in both directions, on wires that have them. Without it
 * they arrive on the event lane.
 */
export const datagrams: DatagramEvents = {
	name: 'latest',
	read: (session) => {
		const { link } = session;
		const follow = (): void => {
			const { carrier } = link;
			const write = (b: Uint8Array): void => {
				if (link.carrier === carrier) link.guard(() => receive(link.machine, b));
			};
			carrier?.datagrams?.readable.pipeTo(new WritableStream({ write })).catch(() => {}); // the carrier tells of its end
		};
		session.onChange(({ phase }) => phase === 'resumed' && follow());
		follow();
	},
};
