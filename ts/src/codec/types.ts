import { CodecError } from './error.js';
import type { Binding } from './patch.js';
import { patchBytes, patchList, patchMap, patchStruct } from './patch.js';
import { Reader } from './reader.js';
import { Timestamp } from './time.js';
import { readValue, type Value, writeValue } from './value.js';
import { Writer } from './writer.js';

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

const integer = (low: number, high: number): Type<number> =>
	type(
		zero,
		(w, v) => {
			if (!(v >= low && v <= high)) throw new CodecError(`${v} is out of range`);
			w.int(v);
		},
		(r) => r.within(low, high),
	);

export const int8 = /* @__PURE__ */ integer(-0x80, 0x7f);
export const int16 = /* @__PURE__ */ integer(-0x8000, 0x7fff);
export const int32 = /* @__PURE__ */ integer(-0x80000000, 0x7fffffff);
export const uint8 = /* @__PURE__ */ integer(0, 0xff);
export const uint16 = /* @__PURE__ */ integer(0, 0xffff);
export const uint32 = /* @__PURE__ */ integer(0, 0xffffffff);
/** Go's int64 and uint64 as numbers; what a number does not hold exactly is an error. */
export const int53 = /* @__PURE__ */ integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
export const uint53 = /* @__PURE__ */ integer(0, Number.MAX_SAFE_INTEGER);

const big = (low: bigint, high: bigint): Type<bigint> =>
	type(
		() => 0n,
		(w, v) => {
			if (v < low || v > high) throw new CodecError(`${v} is out of range`);
			w.bigint(v);
		},
		(r) => r.bigint(low < 0n),
	);

export const int64 = /* @__PURE__ */ big(-0x8000000000000000n, 0x7fffffffffffffffn);
export const uint64 = /* @__PURE__ */ big(0n, 0xffffffffffffffffn);

export const bool: Type<boolean> = type(
	() => false,
	(w, v) => w.bool(v),
	(r) => r.bool(),
);
export const float32: Type<number> = type(
	zero,
	(w, v) => w.float32(v),
	(r) => r.float(),
);
export const float64: Type<number> = type(
	zero,
	(w, v) => w.float64(v),
	(r) => r.float(),
);
export const string: Type<string> = type(
	() => '',
	(w, v) => w.string(v),
	(r) => r.string(),
);

/** The zero value of Go's time.Time. */
const noTime = -62135596800;

export const timestamp: Type<Timestamp> = type(
	() => new Timestamp(noTime),
	(w, v) => w.time(v),
	(r) => r.time(),
);
/** A time as a Date, without what is below a millisecond. */
export const date: Type<Date> = type(
	() => new Date(noTime * 1000),
	(w, v) => w.date(v),
	(r) => r.time().toDate(),
);
/** A duration in milliseconds. On the wire it is nanoseconds. */
export const duration: Type<number> = type(
	zero,
	(w, v) => w.int(Math.round(v * 1e6)),
	(r) => r.int() / 1e6,
);

/** A slice of bytes; what is read is a view of the message. */
export const bytes: Type<Uint8Array> = {
	zero: () => new Uint8Array(0),
	write: (w, v) => w.bytes(v),
	read: (r) => (r.nil() ? new Uint8Array(0) : r.bytes()),
	patch: patchBytes,
};

/** An array of n bytes. */
export const byteArray = (n: number): Type<Uint8Array> => ({
	zero: () => new Uint8Array(n),
	write: (w, v) => w.bytes(sized(v, n)),
	read: (r) => sized(r.bytes(), n),
});

function sized<T extends { readonly length: number }>(v: T, n: number): T {
	if (v.length !== n) throw new CodecError(`${v.length} elements in place of ${n}`);
	return v;
}

/** Anything: see Value. */
export const value: Type<Value> = type(() => null, writeValue, readValue);

/** A slice. Nil is read as empty. */
export const list = <T>(of: Type<T>): Type<readonly T[]> => ({
	zero: () => [],
	write: (w, v) => {
		w.array(v.length);
		for (const e of v) of.write(w, e);
	},
	read: (r) => {
		const v: T[] = [];
		if (r.nil()) return v;
		for (let n = r.array(); n > 0; n--) v.push(of.read(r));
		r.leave();
		return v;
	},
	patch: patchList(of, false),
});

/** An array of n elements. */
export const array = <T>(of: Type<T>, n: number): Type<readonly T[]> => {
	const plain = list(of);
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
		w.map(v.size);
		for (const [k, e] of v) {
			key.write(w, k);
			of.write(w, e);
		}
	},
	read: (r) => {
		const v = new Map<K, V>();
		if (r.nil()) return v;
		for (let n = r.map(); n > 0; n--) v.set(key.read(r), of.read(r));
		r.leave();
		return v;
	},
	patch: patchMap(key, of),
});

/** A pointer: nil is null. */
export const optional = <T>(of: Type<T>): Type<T | null> => {
	return {
		zero: () => null,
		write: (w, v) => (v === null || v === undefined ? w.nil() : of.write(w, v)),
		read: (r) => (r.nil() ? null : of.read(r)),
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
		return patch ? patch(r, v, op, b, at) : r.fail('value cannot be patched');
	},
});

type Members = { readonly [name: string]: Type<unknown> };
/** What a struct of these fields is. */
export type StructOf<F extends Members> = { readonly [K in keyof F]: TypeOf<F[K]> };

/** Encodes the name of a field. */
export function fieldName(name: string): Uint8Array {
	const w = new Writer();
	w.string(name);
	return w.finish().slice();
}

/**
 * A struct: a map from the names of its fields. Unknown fields are skipped,
 * missing ones are zero. Aliases are other names under which fields are read.
 */
export function struct<F extends Members>(members: F, aliases: { readonly [name: string]: string } = {}): Type<StructOf<F>> {
	type S = Record<string, unknown>;
	const fields = new Map(Object.entries(members));
	const names = [...fields.keys()];
	const types = [...fields.values()];
	const keys = names.map(fieldName);
	const count = names.length;
	for (const [alias, name] of Object.entries(aliases)) {
		names.push(name);
		types.push(fields.get(name) as Type<unknown>);
		keys.push(fieldName(alias));
	}
	const fill = (v: S): S => {
		for (let i = 0; i < count; i++) if (!((names[i] as string) in v)) v[names[i] as string] = (types[i] as Type<unknown>).zero();
		return v;
	};
	const t: Type<S> = {
		zero: () => fill({}),
		write: (w, v) => {
			w.map(count);
			for (let i = 0; i < count; i++) {
				w.raw(keys[i] as Uint8Array);
				(types[i] as Type<unknown>).write(w, v[names[i] as string]);
			}
		},
		read: (r) => {
			const v: S = {};
			let known = 0;
			const n = r.map();
			for (let k = 0, next = 0; k < n; k++) {
				const i = r.field(keys, next);
				if (i < 0) r.skip();
				else {
					v[names[i] as string] = (types[i] as Type<unknown>).read(r);
					if (i === known) known++;
					next = i + 1;
				}
			}
			r.leave();
			return known === count ? v : fill(v);
		},
		patch: patchStruct(fields) as Patch<S>,
		fields,
	};
	return t as Type<unknown> as Type<StructOf<F>>;
}

const shared = new Writer();

/** Encodes a value. */
export function encode<T>(of: Type<T>, v: T): Uint8Array {
	shared.reset();
	of.write(shared, v);
	return shared.finish();
}

/** Decodes a message that is one value. It throws a CodecError. */
export function decode<T>(of: Type<T>, b: Uint8Array): T {
	const r = new Reader(b);
	const v = of.read(r);
	r.finish();
	return v;
}
