import { CodecError } from './error.js';
import { readFloat, readInteger, writeBigint, writeFloat64 } from './number.js';
import { checkKey, enterArray, enterMap, isInteger, isString, leave, peek, type Reader, readBytes, readString } from './reader.js';
import { readTime, Timestamp, writeDate, writeTime } from './time.js';
import { writeArray, writeByte, writeBytes, writeInt, writeMap, type Writer, writeString } from './writer.js';

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
		case 'string': return writeString(w, v);
		case 'boolean': return writeByte(w, v ? 0xc3 : 0xc2);
		case 'bigint': return writeBigint(w, v);
		case 'number': return Number.isSafeInteger(v) && !Object.is(v, -0) ? writeInt(w, v) : writeFloat64(w, v);
		case 'undefined': return writeByte(w, 0xc0);
	}
	if (v === null) writeByte(w, 0xc0);
	else if (v instanceof Uint8Array) writeBytes(w, v);
	else if (v instanceof Timestamp) writeTime(w, v);
	else if (v instanceof Date) writeDate(w, v);
	else if (Array.isArray(v)) {
		writeArray(w, v.length);
		for (const e of v as readonly Value[]) writeValue(w, e);
	} else if (typeof v === 'object') {
		const entries = v instanceof Map ? [...(v as ReadonlyMap<Value, Value>)] : Object.entries(v).filter((e) => e[1] !== undefined);
		writeMap(w, entries.length);
		for (const [k, e] of entries) {
			writeValue(w, k);
			writeValue(w, e as Value);
		}
	} else throw new CodecError(`a ${typeof v} is no value`);
}

/** Reads a value: maps become objects, or Maps if a key is no string; times become Timestamps. */
export function readValue(r: Reader): Value {
	const c = peek(r);
	if (isInteger(c)) return readInteger(r);
	if (isString(c)) return readString(r);
	if (c < 0x90 || c >= 0xde) return readMap(r);
	if (c < 0xa0 || c >= 0xdc) {
		const list: Value[] = [];
		for (let n = enterArray(r); n > 0; n--) list.push(readValue(r));
		leave(r);
		return list;
	}
	if (c === 0xc0 || c === 0xc2 || c === 0xc3) {
		r.at++;
		return c === 0xc0 ? null : c === 0xc3;
	}
	if (c >= 0xc4 && c <= 0xc6) return readBytes(r);
	return c === 0xca || c === 0xcb ? readFloat(r) : readTime(r);
}

function readMap(r: Reader): Value {
	const entries: [string | number | bigint, Value][] = [];
	for (let n = enterMap(r); n > 0; n--) {
		checkKey(r);
		entries.push([readValue(r) as string | number | bigint, readValue(r)]);
	}
	leave(r);
	// fromEntries defines properties, so that "__proto__" is a key like others.
	return entries.every((e) => typeof e[0] === 'string') ? (Object.fromEntries(entries) as { [key: string]: Value }) : new Map(entries);
}
