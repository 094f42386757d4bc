import { CodecError } from './error.js';
import { fail, isInteger, peek, type Reader, readInt, take } from './reader.js';
import { room, type Writer, writeInt } from './writer.js';

// Floats, and integers that a number does not hold: what many programs do without.

/** Numbers that are read are put together here. */
const buffer = /* @__PURE__ */ new ArrayBuffer(8);
const view = /* @__PURE__ */ new DataView(buffer);
const scratch = /* @__PURE__ */ new Uint8Array(buffer);

/** Takes a code and n bytes behind it, and leaves those in view. */
function load(r: Reader, n: number): void {
	const p = take(r, n + 1) + 1;
	for (let i = 0; i < n; i++) scratch[i] = r.b[p + i] as number;
}

/** Reads an integer of 64 bits, signed or not. */
export function readBigint(r: Reader, signed: boolean): bigint {
	const v = BigInt(readInteger(r));
	return (signed ? v <= 0x7fffffffffffffffn : v >= 0n) ? v : fail(r, 'number out of range');
}

/** Reads an integer as a number if it is one exactly, and else as a bigint. */
export function readInteger(r: Reader): number | bigint {
	const c = peek(r);
	if (c !== 0xcf && c !== 0xd3) return readInt(r);
	load(r, 8);
	const v = c === 0xcf ? view.getBigUint64(0) : view.getBigInt64(0);
	const n = Number(v);
	return Number.isSafeInteger(n) ? n : v;
}

/** Reads a float, or an integer. */
export function readFloat(r: Reader): number {
	const c = peek(r);
	if (isInteger(c)) return readInt(r);
	if (c === 0xca) {
		load(r, 4);
		return view.getFloat32(0);
	}
	if (c !== 0xcb) fail(r);
	load(r, 8);
	return view.getFloat64(0);
}

/** Writes an integer of 64 bits. */
export function writeBigint(w: Writer, v: bigint): void {
	const n = Number(v);
	if (Number.isSafeInteger(n)) return writeInt(w, n);
	if (v > 0xffffffffffffffffn || v < -0x8000000000000000n) throw new CodecError('integer of more than 64 bits');
	const p = tagged(w, v < 0n ? 0xd3 : 0xcf, 8);
	viewOf(w).setBigInt64(p, v);
}

/** Writes a code, makes room for n bytes behind it, and returns where. */
function tagged(w: Writer, code: number, n: number): number {
	const p = room(w, n + 1);
	w.buf[p] = code;
	return p + 1;
}

const viewOf = (w: Writer): DataView => (w.view ??= new DataView(w.buf.buffer));

export function writeFloat32(w: Writer, v: number): void {
	const p = tagged(w, 0xca, 4);
	viewOf(w).setFloat32(p, v);
}

export function writeFloat64(w: Writer, v: number): void {
	const p = tagged(w, 0xcb, 8);
	viewOf(w).setFloat64(p, v);
}
