import { CodecError } from './error.js';
import type { Binding } from './patch.js';
import { patchBytes, patchList, patchMap, patchStruct } from './patch.js';
import { readBigint, readFloat, writeBigint, writeFloat32, writeFloat64 } from './number.js';
import { enterArray, enterMap, fail, finish, leave, peek, Reader, readBytes, readField, readInt, readNil, readString, readWithin, skip } from './reader.js';
import { readTime, Timestamp, writeDate, writeTime } from './time.js';
import { readValue, type Value, writeValue } from './value.js';
import { finish as finishWriting, writeArray, writeByte, writeBytes, writeInt, writeMap, Writer, writeRaw, writeString } from './writer.js';

/** A type of values, and how they are written, read and patched. */
export interface Type<T> {
	/** The value of a field that the sender left out. */
	zero(): T;
	write(w: Writer, v: T): void;
	read(r: Reader): T;
	/** For states: reads a patch (docs/state.md) and returns the value that it makes of v, which it leaves alone. */
	patch?(r: Reader, v: T, op: number, binding: Binding, at: number): T;
	/** The fields of a struct. */
	readonly fields?: Fields | undefined;
}

/** Reads one operation, or with op 3 a whole patch, of what struct number at of the sender's table is in. */
export type Patch<T> = (r: Reader, v: T, op: number, binding: Binding, at: number) => T;

/** The fields of a struct by name. */
export type Fields = ReadonlyMap<string, Type<unknown>>;

/** The values of a type: type Order = TypeOf<typeof Order>. */
export type TypeOf<X> = X extends Type<infer T> ? T : never;

const type = <T>(zero: () => T, write: (w: Writer, v: T) => void, read: (r: Reader) => T): Type<T> => ({ zero, write, read });

const zero = (): number => 0;

function readBool(r: Reader): boolean {
	const c = peek(r);
	if (c !== 0xc2 && c !== 0xc3) fail(r);
	r.at++;
	return c === 0xc3;
}

const integer = (low: number, high: number): Type<number> =>
	type(
		zero,
		(w, v) => {
			if (!(v >= low && v <= high)) throw new CodecError(`${v} is out of range`);
			writeInt(w, v);
		},
		(r) => readWithin(r, low, high),
	);

export const int8 = /* @__PURE__ */ integer(-0x80, 0x7f);
export const int16 = /* @__PURE__ */ integer(-0x8000, 0x7fff);
export const int32 = /* @__PURE__ */ integer(-0x80000000, 0x7fffffff);
export const uint8 = /* @__PURE__ */ integer(0, 0xff);
export const uint16 = /* @__PURE__ */ integer(0, 0xffff);
export const uint32 = /* @__PURE__ */ integer(0, 0xffffffff);
/** Go's int64 and uint64 as numbers; what a number does not hold exactly is an error. */
export const int53 = /* @__PURE__ */ integer(-Infinity, Infinity);
export const uint53 = /* @__PURE__ */ integer(0, Infinity);

const big = (low: bigint, high: bigint): Type<bigint> =>
	type(
		() => 0n,
		(w, v) => {
			if (v < low || v > high) throw new CodecError(`${v} is out of range`);
			writeBigint(w, v);
		},
		(r) => readBigint(r, low < 0n),
	);

export const int64 = /* @__PURE__ */ big(-0x8000000000000000n, 0x7fffffffffffffffn);
export const uint64 = /* @__PURE__ */ big(0n, 0xffffffffffffffffn);

export const bool: Type<boolean> = /* @__PURE__ */ type(
	() => false,
	(w, v) => writeByte(w, v ? 0xc3 : 0xc2),
	readBool,
);
export const float32: Type<number> = /* @__PURE__ */ type(
	zero,
	writeFloat32,
	readFloat,
);
export const float64: Type<number> = /* @__PURE__ */ type(
	zero,
	writeFloat64,
	readFloat,
);
export const string: Type<string> = /* @__PURE__ */ type(
	() => '',
	writeString,
	readString,
);

/** The zero value of Go's time.Time. */
const noTime = -62135596800;

export const timestamp: Type<Timestamp> = /* @__PURE__ */ type(
	() => new Timestamp(noTime),
	writeTime,
	readTime,
);
/** A time as a Date, without what is below a millisecond. */
export const date: Type<Date> = /* @__PURE__ */ type(
	() => new Date(noTime * 1000),
	writeDate,
	(r) => readTime(r).toDate(),
);
/** A duration in milliseconds. On the wire it is nanoseconds. */
export const duration: Type<number> = /* @__PURE__ */ type(
	zero,
	(w, v) => writeInt(w, Math.round(v * 1e6)),
	(r) => readInt(r) / 1e6,
);

/**
 * Bytes that cannot be patched.
 * @internal
 */
export const binary: Type<Uint8Array> = /* @__PURE__ */ type(() => new Uint8Array(0), writeBytes, (r) => (readNil(r) ? new Uint8Array(0) : readBytes(r)));

/** A slice of bytes; what is read is a view of the message. */
export const bytes: Type<Uint8Array> = { ...binary, patch: patchBytes };

/** An array of n bytes. */
export const byteArray = (n: number): Type<Uint8Array> => ({
	zero: () => new Uint8Array(n),
	write: (w, v) => writeBytes(w, sized(v, n)),
	read: (r) => sized(readBytes(r), n),
});

function sized<T extends { readonly length: number }>(v: T, n: number): T {
	if (v.length !== n) throw new CodecError(`${v.length} elements in place of ${n}`);
	return v;
}

/** Anything: see Value. */
export const value: Type<Value> = /* @__PURE__ */ type(() => null, writeValue, readValue);

/**
 * A slice that cannot be patched.
 * @internal
 */
export const sequence = <T>(of: Type<T>): Type<readonly T[]> => ({
	zero: () => [],
	write: (w, v) => {
		writeArray(w, v.length);
		for (const e of v) of.write(w, e);
	},
	read: (r) => {
		const v: T[] = [];
		if (readNil(r)) return v;
		for (let n = enterArray(r); n > 0; n--) v.push(of.read(r));
		leave(r);
		return v;
	},
});

/** A slice. Nil is read as empty. */
export const list = <T>(of: Type<T>): Type<readonly T[]> => ({ ...sequence(of), patch: patchList(of, false) });

/** An array of n elements. */
export const array = <T>(of: Type<T>, n: number): Type<readonly T[]> => {
	const plain = sequence(of);
	return {
		zero: () => Array.from({ length: n }, of.zero),
		write: (w, v) => plain.write(w, sized(v, n)),
		read: (r) => sized(plain.read(r), n),
		patch: patchList(of, true),
		};
};

/** A map, whose keys are strings or integers. Nil is read as empty. */
export const map = <K, V>(key: Type<K>, of: Type<V>): Type<ReadonlyMap<K, V>> => ({
	zero: () => new Map(),
	write: (w, v) => {
		writeMap(w, v.size);
		for (const [k, e] of v) {
			key.write(w, k);
			of.write(w, e);
		}
	},
	read: (r) => {
		const v = new Map<K, V>();
		if (readNil(r)) return v;
		for (let n = enterMap(r); n > 0; n--) v.set(key.read(r), of.read(r));
		leave(r);
		return v;
	},
	patch: patchMap(key, of),
});

/** A pointer: nil is null. */
export const optional = <T>(of: Type<T>): Type<T | null> => {
	return {
		zero: () => null,
		write: (w, v) => (v === null || v === undefined ? writeByte(w, 0xc0) : of.write(w, v)),
		read: (r) => (readNil(r) ? null : of.read(r)),
		...(of.patch && { patch: (r: Reader, v: T | null, op: number, b: Binding, at: number) => (of.patch as Patch<T>)(r, v ?? of.zero(), op, b, at) }),
		};
};

/** A type that is made of itself, or is declared later. */
export const lazy = <T>(of: () => Type<T>): Type<T> => ({
	zero: () => of().zero(),
	write: (w, v) => of().write(w, v),
	read: (r) => of().read(r),
	patch: (r, v, op, b, at) => {
		const { patch } = of();
		return patch ? patch(r, v, op, b, at) : fail(r, 'patch of what cannot be patched');
	},
});

type Members = { readonly [name: string]: Type<unknown> };
/** What a struct of these fields is. */
export type StructOf<F extends Members> = { readonly [K in keyof F]: TypeOf<F[K]> };


/**
 * A struct: a map from the names of its fields. Unknown fields are skipped,
 * missing ones are zero. Aliases are other names under which fields are read.
 */
export function struct<F extends Members>(members: F, aliases: { readonly [name: string]: string } = {}): Type<StructOf<F>> {
	type S = Record<string, unknown>;
	const fields = new Map(Object.entries(members));
	const names = [...fields.keys()];
	const types = [...fields.values()];
	const keys = names.map(encodeName);
	const count = names.length;
	for (const [alias, name] of Object.entries(aliases)) {
		names.push(name);
		types.push(fields.get(name) as Type<unknown>);
		keys.push(encodeName(alias));
	}
	const fill = (v: S): S => {
		for (let i = 0; i < count; i++) if (!((names[i] as string) in v)) v[names[i] as string] = (types[i] as Type<unknown>).zero();
		return v;
	};
	const t: Type<S> = {
		zero: () => fill({}),
		write: (w, v) => {
			writeMap(w, count);
			let i = 0;
			// In the order of the fields a value is faster to go through than to look up.
			for (const name in v) {
				if (name !== names[i]) break;
				writeRaw(w, keys[i] as Uint8Array);
				(types[i++] as Type<unknown>).write(w, v[name]);
			}
			for (; i < count; i++) {
				writeRaw(w, keys[i] as Uint8Array);
				(types[i] as Type<unknown>).write(w, v[names[i] as string]);
			}
		},
		read: (r) => {
			const v: S = {};
			let known = 0;
			const n = enterMap(r);
			for (let k = 0, next = 0; k < n; k++) {
				const i = readField(r, keys, next);
				if (i < 0) skip(r);
				else {
					v[names[i] as string] = (types[i] as Type<unknown>).read(r);
					if (i === known) known++;
					next = i + 1;
				}
			}
			leave(r);
			return known === count ? v : fill(v);
		},
		patch: patchStruct(fields) as Patch<S>,
		fields,
	};
	return t as Type<unknown> as Type<StructOf<F>>;
}

const shared = /* @__PURE__ */ new Writer();

/** Encodes a value. */
export function encode<T>(of: Pick<Type<T>, 'write'>, v: T): Uint8Array {
	shared.at = shared.start; // what was begun and failed is dropped
	of.write(shared, v);
	return finishWriting(shared);
}

const encodeName = (name: string): Uint8Array => encode(string, name).slice();

/** Decodes a message that is one value. It throws a CodecError. */
export function decode<T>(of: Type<T>, b: Uint8Array): T {
	const r = new Reader(b);
	const v = of.read(r);
	finish(r);
	return v;
}
