import { enterArray, fail, isInteger, leave, peek, type Reader, readBytes, readString, readWithin, skip } from './reader.js';
import type { Fields, Patch, Type } from './types.js';

/** The structs of the sender (docs/state.md, clause S3). */
export type Binding = readonly (readonly BoundField[])[];

interface BoundField {
	readonly name: string;
	/** The number of the struct that is in the field, -1 for none. */
	readonly struct: number;
}

const maxStructs = 1024;
const maxFields = 4096;
const maxName = 255;

/** It does not suit the value, or the clauses of docs/state.md. */
const malformed = (r: Reader): never => fail(r, 'malformed state');

/** Reads the table of a snapshot. */
export function readTable(r: Reader): Binding {
	const count = enterArray(r);
	if (count < 1 || count > maxStructs) malformed(r);
	let total = 0;
	const table: BoundField[][] = [];
	for (let i = 0; i < count; i++) {
		const fields: BoundField[] = [];
		const seen = new Set<string>();
		for (let n = enterArray(r); n > 0; ) {
			const name = readString(r);
			let struct = -1;
			if (--n > 0 && isInteger(peek(r))) {
				struct = readWithin(r, 0, count - 1);
				n--;
			}
			if (++total > maxFields || name.length > maxName) malformed(r);
			// Of two fields that are the same one here the first counts.
			fields.push({ name: seen.has(name) ? '' : name, struct });
			seen.add(name);
		}
		leave(r);
		table.push(fields);
	}
	leave(r);
	return table;
}

/** Reads the tags of a patch of a struct (clause S4): count values, or up to the end of the message. */
export function patchFields(r: Reader, v: unknown, own: Fields, binding: Binding, at: number, count: number): unknown {
	const out: Record<string, unknown> = { ...(v as Record<string, unknown>) };
	let last = -1;
	for (let left = count; left > 0 && !(count === Infinity && r.at >= r.b.length); ) {
		const tag = readWithin(r, 0, 4 * maxFields);
		const op = tag & 3;
		const number = tag >> 2;
		const theirs = binding[at]?.[number];
		if (!theirs || number <= last) return malformed(r);
		last = number;
		const operands = op === 2 ? 2 : 1;
		if ((left -= 1 + operands) < 0) malformed(r);
		const type = own.get(theirs.name);
		if (!type) for (let i = 0; i < operands; i++) skip(r);
		else if (op === 0) out[theirs.name] = type.read(r);
		else if (!type.patch) malformed(r);
		else out[theirs.name] = type.patch(r, out[theirs.name], op, binding, theirs.struct);
	}
	return out;
}

export const patchStruct =
	(own: Fields): Patch<unknown> =>
	(r, v, op, binding, at) => {
		if (op !== 3) malformed(r);
		const count = enterArray(r);
		const out = patchFields(r, v, own, binding, at, count);
		leave(r);
		return out;
	};

/** Reads the operations of an array (clause S5): each says how many operands it has taken. */
function operations(r: Reader, op: number, each: (op: number, single: boolean) => number): void {
	if (op !== 3) {
		each(op, true);
		return;
	}
	let left = enterArray(r);
	while (left > 0) left -= 1 + each(readWithin(r, 1, 4), false);
	if (left < 0) malformed(r);
	leave(r);
}

/** The order of strings by their bytes, and of integers. */
function before(a: unknown, b: unknown): boolean {
	if (typeof a !== 'string' || typeof b !== 'string') return (a as number) < (b as number);
	for (let i = 0; i < a.length && i < b.length; ) {
		const x = a.codePointAt(i) as number;
		const y = b.codePointAt(i) as number;
		if (x !== y) return x < y;
		i += x > 0xffff ? 2 : 1;
	}
	return a.length < b.length;
}

export const patchMap =
	<K, V>(key: Type<K>, of: Type<V>): Patch<ReadonlyMap<K, V>> =>
	(r, v, op, binding, at) => {
		const out = new Map(v);
		let last: K | undefined;
		operations(r, op, (op) => {
			const k = key.read(r);
			if (last !== undefined && !before(last, k)) malformed(r);
			last = k;
			if (op === 1) {
				out.delete(k);
				return 1;
			}
			if (op === 2) out.set(k, of.read(r));
			else if (op !== 3 || !out.has(k) || !of.patch) malformed(r);
			else out.set(k, of.patch(r, out.get(k) as V, 3, binding, at));
			return 2;
		});
		return out;
	};

export const patchList =
	<T>(of: Type<T>, fixed: boolean): Patch<readonly T[]> =>
	(r, v, op, binding, at) => {
		// What is before next in v has been copied, or is gone.
		const out: T[] = [];
		let next = 0;
		const copy = (to: number): void => {
			if (to < out.length || to - out.length > v.length - next) malformed(r);
			while (out.length < to) out.push(v[next++] as T);
		};
		const rest = (): number => out.length + v.length - next;
		operations(r, op, (op) => {
			if (fixed && op !== 2 && op !== 3) malformed(r);
			if (op === 1) {
				copy(rest());
				out.push(of.read(r));
				return 1;
			}
			const index = readWithin(r, 0, rest());
			copy(index);
			if (op === 4) {
				next += readWithin(r, 0, v.length - next);
				for (let n = enterArray(r); n > 0; n--) out.push(of.read(r));
				leave(r);
				return 3;
			}
			if (next >= v.length) malformed(r);
			const old = v[next++] as T;
			if (op === 2) out.push(of.read(r));
			else if (!of.patch) malformed(r);
			else out.push(of.patch(r, old, 3, binding, at));
			return 2;
		});
		copy(rest());
		return out;
	};

/** Of a binary there is one operation (clause S8). */
export const patchBytes: Patch<Uint8Array> = (r, v, op) => {
	let out = v;
	let done = false;
	operations(r, op, (op, single) => {
		if (done || op === 2 || op === 3 || (single && op !== 1)) malformed(r);
		done = true;
		const index = op === 1 ? v.length : readWithin(r, 0, v.length);
		const end = op === 1 ? index : index + readWithin(r, 0, v.length - index);
		const b = readBytes(r);
		out = new Uint8Array(index + b.length + v.length - end);
		out.set(v.subarray(0, index));
		out.set(b, index);
		out.set(v.subarray(end), index + b.length);
		return op === 1 ? 1 : 3;
	});
	return out;
};
