import { must } from '../error.js';
import type { Frame } from '../frame/frame.js';
import { F1 } from '../frame/layout.js';
import { concat } from '../frame/varint.js';
import type { Machine } from './machine.js';

/** A message of several frames that arrives (clause 2.4). */
export interface Partial_ {
	readonly id: number;
	readonly size: number;
	have: number;
	readonly parts: Uint8Array[];
	readonly done: (payload: Uint8Array) => void;
}

/** Whose message further frames continue (clause 6.6). */
export enum Of {
	Call,
	Reply,
	State,
	Event,
}

/** Of states and of events one at a time is not whole. */
const keyOf = (of: Of, id: number): number => (of > Of.Reply ? of : of ? id + 4 : -id);

/** Takes the first frame of a message, and has done called with the whole. */
export function begin(m: Machine, f: Frame, of: Of, done: (payload: Uint8Array) => void): void {
	const key = keyOf(of, f.id);
	must(!m.partial.has(key), 6.6);
	if (!(f.flags & F1)) return done(f.payload);
	must(f.size <= m.own.max, 2.4);
	m.partial.set(key, { id: f.id, size: f.size, have: f.payload.length, parts: [f.payload], done });
}

/** Takes a MORE. */
export function more(m: Machine, f: Frame): void {
	const of = (f.flags >> 4) as Of;
	if (of === Of.Call && !m.serving) return; // it was refused when it began
	const key = keyOf(of, f.id);
	const p = m.partial.get(key);
	must(p?.id === f.id, 6.6);
	p.have += f.payload.length;
	p.parts.push(f.payload);
	must(p.have <= p.size && (p.have < p.size) === (f.flags & F1) > 0, 6.6);
	if (p.have < p.size) return;
	m.partial.delete(key);
	p.done(concat(p.parts));
}
