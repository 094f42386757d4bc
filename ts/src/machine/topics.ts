import { violation } from '../error.js';
import type { Frame } from '../frame/frame.js';
import { F1, F2, Kind } from '../frame/layout.js';
import { limits } from './config.js';
import type { Lane } from './lane.js';
import type { Machine } from './machine.js';
import { Parts } from './message.js';

const none = new Uint8Array(0);
const decoder = new TextDecoder();

/** A topic that this session is subscribed to. Events to every session have one without a name. */
export class Topic {
	type = '';
	missed = 0;
	parts: Parts | undefined;

	constructor(readonly name: string) {}
}

/** Topics and events of the peer (clause 7). */
export class Topics {
	private readonly topics = new Map<number, Topic>([[0, new Topic('')]]);
	private last = 0;
	/** Whose event has not arrived whole. */
	private open: Topic | undefined;

	constructor(private readonly m: Machine) {}

	private find(id: number): Topic {
		const t = this.topics.get(id);
		if (!t) throw violation('event of an unknown topic');
		return t;
	}

	private tell(t: Topic, kind: 'subscribed' | 'unsubscribed' | 'event' | 'missed', type = '', missed = 0, payload: Uint8Array = none): void {
		this.m.effects.push(() => this.m.config.listener.event(t, kind, type, missed, payload));
	}

	receive(f: Frame, lane: Lane): void {
		if (this.open) throw violation('event is not whole');
		if (f.kind === Kind.Topic) return this.topic(f);
		const t = this.find(f.id);
		if (f.kind === Kind.Gap) return this.tell(t, 'missed', '', f.next);
		const type = lane.resolve(f, this.m.config.own.names, true);
		const missed = f.flags & F2 ? f.next : 0;
		if (!(f.flags & F1)) return this.tell(t, 'event', type, missed, f.payload);
		if (f.size > this.m.config.own.max) throw violation('event over the size limit');
		this.open = t;
		t.type = type;
		t.missed = missed;
		t.parts = new Parts(f.size);
		t.parts.add(f);
	}

	private topic(f: Frame): void {
		if (!(f.flags & F1)) {
			const t = this.topics.get(f.id);
			if (!t || f.id === 0) throw violation('end of an unknown topic');
			this.topics.delete(f.id);
			return this.tell(t, 'unsubscribed');
		}
		if (f.id <= this.last) throw violation('topic id out of order');
		if (this.topics.size > limits.topics) throw violation('too many topics');
		this.last = f.id;
		const t = new Topic(decoder.decode(f.name));
		this.topics.set(f.id, t);
		this.tell(t, 'subscribed');
	}

	more(f: Frame): void {
		const t = this.find(f.id);
		if (t !== this.open || !t.parts) throw violation('part of a message that was not begun');
		const payload = t.parts.add(f);
		if (!payload) return;
		this.open = t.parts = undefined;
		this.tell(t, 'event', t.type, t.missed, payload);
	}
}
