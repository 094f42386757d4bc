/** The largest value of a varint (clause 1.3). */
export const maxVarint = 0x3fffffffffffffffn;

/** A number of a frame. Those that a number does not hold exactly are bigints. */
export type Uint = number | bigint;

/** Returns how many bytes a varint takes. */
export const varintSize = (v: Uint): number => (v < 64 ? 1 : v < 0x4000 ? 2 : v < 0x40000000 ? 4 : 8);

/** Writes a varint in its shortest form, and returns where it ends. */
export function putVarint(b: Uint8Array, at: number, v: Uint): number {
	const n = varintSize(v);
	let rest = v;
	for (let i = at + n; i-- > at; ) {
		b[i] = Number(typeof rest === 'bigint' ? rest & 255n : rest % 256);
		rest = typeof rest === 'bigint' ? rest >> 8n : Math.floor(rest / 256);
	}
	b[at] = (b[at] as number) | (n === 1 ? 0 : n === 2 ? 0x40 : n === 4 ? 0x80 : 0xc0);
	return at + n;
}

/** A place in bytes that are read. */
export interface Cursor {
	at: number;
}

/**
 * Reads a varint that ends before end, and moves the cursor. It returns -1 for
 * one that is cut short or not in its shortest form.
 */
export function getVarint(b: Uint8Array, c: Cursor, end: number): Uint {
	const at = c.at;
	if (at >= end) return -1;
	const first = b[at] as number;
	if (first < 64) {
		c.at = at + 1;
		return first;
	}
	const n = 1 << (first >> 6);
	if (at + n > end) return -1;
	let v: Uint = first & 63;
	for (let i = 1; i < n; i++) v = v * 256 + (b[at + i] as number);
	if (v > Number.MAX_SAFE_INTEGER) {
		let exact = BigInt(first & 63);
		for (let i = 1; i < n; i++) exact = exact * 256n + BigInt(b[at + i] as number);
		v = exact;
	}
	if (varintSize(v) !== n) return -1;
	c.at = at + n;
	return v;
}
