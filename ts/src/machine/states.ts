import { violation } from '../error.js';
import type { Frame } from '../frame/frame.js';
import { F1, F2, F3, F4 } from '../frame/layout.js';
import { limits } from './config.js';
import type { Machine } from './machine.js';
import { Parts } from './message.js';

const decoder = new TextDecoder();

interface State {
	readonly name: string;
	/** Of the newest snapshot or delta, whole or not. */
	version: number;
	snapshot: boolean;
	parts: Parts | undefined;
}

/** The states of the peer (clause 6.9). */
export class States {
	private readonly states = new Map<number, State>();
	private last = 0;
	private open: State | undefined;

	constructor(private readonly m: Machine) {}

	receive(f: Frame): void {
		if (f.flags & F3) {
			if (f.id <= this.last) throw violation('state id out of order');
			if (this.states.size >= limits.states) throw violation('too many states');
			this.last = f.id;
			this.states.set(f.id, { name: decoder.decode(f.name), version: 0, snapshot: false, parts: undefined });
		}
		const s = this.states.get(f.id);
		if (!s || this.open) throw violation('state out of order');
		const end = (f.flags & F4) !== 0;
		s.snapshot = (f.flags & F2) !== 0;
		if (end) this.states.delete(f.id);
		else if (s.snapshot) s.version = f.next;
		else s.version++;
		if (!(f.flags & F1)) return this.tell(s, f.payload, end);
		if (f.size > this.m.config.own.max || end) throw violation('state over the size limit');
		this.open = s;
		s.parts = new Parts(f.size);
		s.parts.add(f);
	}

	private tell(s: State, payload: Uint8Array, end = false): void {
		const { name, version } = s;
		const change = end ? 'end' : s.snapshot ? 'snapshot' : 'delta';
		this.m.effects.push(() => this.m.config.listener.state(name, change, version, payload));
	}

	more(f: Frame): void {
		const s = this.states.get(f.id);
		if (!s || s !== this.open || !s.parts) throw violation('part of a message that was not begun');
		const payload = s.parts.add(f);
		if (!payload) return;
		this.open = s.parts = undefined;
		this.tell(s, payload);
	}
}
