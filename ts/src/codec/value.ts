import { CodecError } from './error.js';
import type { Reader } from './reader.js';
import { Timestamp } from './time.js';
import type { Writer } from './writer.js';

/** What a message without a type is made of. Integers are bigints where a number does not hold them. */
export type Value =
	| null
	| undefined
	| boolean
	| number
	| bigint
	| string
	| Uint8Array
	| Date
	| Timestamp
	| readonly Value[]
	| ReadonlyMap<string | number | bigint, Value>
	| { readonly [key: string]: Value };

/** Writes a value: whole numbers as integers, others as floats. Entries that are undefined are left out. */
export function writeValue(w: Writer, v: Value): void {
	switch (typeof v) {
		case 'string': return w.string(v);
		case 'boolean': return w.bool(v);
		case 'bigint': return w.bigint(v);
		case 'number': return Number.isSafeInteger(v) && !Object.is(v, -0) ? w.int(v) : w.float64(v);
		case 'undefined': return w.nil();
	}
	if (v === null) w.nil();
	else if (v instanceof Uint8Array) w.bytes(v);
	else if (v instanceof Timestamp) w.time(v);
	else if (v instanceof Date) w.date(v);
	else if (Array.isArray(v)) {
		w.array(v.length);
		for (const e of v as readonly Value[]) writeValue(w, e);
	} else if (v instanceof Map) {
		w.map(v.size);
		for (const [k, e] of v as ReadonlyMap<Value, Value>) {
			writeValue(w, k);
			writeValue(w, e);
		}
	} else if (typeof v === 'object') {
		const entries = Object.entries(v as { [key: string]: Value }).filter((e) => e[1] !== undefined);
		w.map(entries.length);
		for (const [k, e] of entries) {
			w.string(k);
			writeValue(w, e);
		}
	} else throw new CodecError(`a ${typeof v} is no value`);
}

/** Reads a value: maps become objects, or Maps if a key is no string; times become Timestamps. */
export function readValue(r: Reader): Value {
	const c = r.peek();
	if (c < 0x80 || c >= 0xe0 || c >= 0xcc && c <= 0xd3) return r.integer();
	if (c < 0x90 || c === 0xde || c === 0xdf) return readMap(r);
	if (c < 0xa0 || c === 0xdc || c === 0xdd) {
		const list: Value[] = [];
		for (let n = r.array(); n > 0; n--) list.push(readValue(r));
		r.leave();
		return list;
	}
	if (c < 0xc0 || c >= 0xd9) return r.string();
	if (r.nil()) return null;
	if (c <= 0xc3) return r.bool();
	if (c <= 0xc6) return r.bytes();
	return c === 0xca || c === 0xcb ? r.float() : r.time();
}

function readMap(r: Reader): Value {
	const entries: [string | number | bigint, Value][] = [];
	for (let n = r.map(); n > 0; n--) entries.push([r.key(), readValue(r)]);
	r.leave();
	// fromEntries defines properties, so that "__proto__" is a key like others.
	return entries.every((e) => typeof e[0] === 'string') ? (Object.fromEntries(entries) as { [key: string]: Value }) : new Map(entries);
}
