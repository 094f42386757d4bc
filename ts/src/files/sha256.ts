const rounds = 64;
/** The fractions of roots of the first primes, of 32 bits (FIPS 180-4). */
const fraction = (x: number): number => ((x - Math.floor(x)) * 0x100000000) | 0;
const primes = /* @__PURE__ */ (() => {
	const all: number[] = [];
	for (let n = 2; all.length < rounds; n++) if (all.every((p) => n % p)) all.push(n);
	return all;
})();
const k = /* @__PURE__ */ (() => Int32Array.from(primes, (p) => fraction(Math.cbrt(p))))();
const start = /* @__PURE__ */ (() => Int32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p))))();
const w = /* @__PURE__ */ new Int32Array(rounds);

/** SHA-256 of bytes that come in pieces, which the platform's digest does not take. */
export class Sha256 {
	private state = start.slice();
	private readonly block = new Uint8Array(64);
	/** Bytes that were taken. */
	size = 0;

	update(b: Uint8Array): void {
		const { block } = this;
		let at = 0;
		while (at < b.length) {
			const used = this.size % 64;
			const n = Math.min(64 - used, b.length - at);
			if (n === 64) this.mix(b, at);
			else {
				block.set(b.subarray(at, at + n), used);
				if (used + n === 64) this.mix(block, 0);
			}
			at += n;
			this.size += n;
		}
	}

	/** Returns the hash of what was taken; more may follow. */
	digest(): Uint8Array {
		const { size } = this;
		const end = new Sha256();
		end.state = this.state.slice();
		end.block.set(this.block);
		end.size = size;
		const pad = new Uint8Array(((119 - (size % 64)) % 64) + 9);
		pad[0] = 0x80;
		new DataView(pad.buffer).setBigUint64(pad.length - 8, BigInt(size) * 8n);
		end.update(pad);
		const sum = new DataView(new ArrayBuffer(32));
		end.state.forEach((v, i) => sum.setInt32(4 * i, v));
		return new Uint8Array(sum.buffer);
	}

	private mix(b: Uint8Array, at: number): void {
		for (let i = 0; i < 16; i++, at += 4) w[i] = ((b[at] as number) << 24) | ((b[at + 1] as number) << 16) | ((b[at + 2] as number) << 8) | (b[at + 3] as number);
		for (let i = 16; i < rounds; i++) {
			const x = w[i - 15] as number;
			const y = w[i - 2] as number;
			const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
			const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
			w[i] = ((w[i - 16] as number) + s0 + (w[i - 7] as number) + s1) | 0;
		}
		const s = this.state;
		let [a, b1, c, d, e, f, g, h] = s as unknown as [number, number, number, number, number, number, number, number];
		for (let i = 0; i < rounds; i++) {
			const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
			const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (k[i] as number) + (w[i] as number)) | 0;
			const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
			const t2 = (s0 + ((a & b1) ^ (a & c) ^ (b1 & c))) | 0;
			h = g;
			g = f;
			f = e;
			e = (d + t1) | 0;
			d = c;
			c = b1;
			b1 = a;
			a = (t1 + t2) | 0;
		}
		[a, b1, c, d, e, f, g, h].forEach((v, i) => (s[i] = ((s[i] as number) + v) | 0));
	}
}

export const same = (a: Uint8Array, b: Uint8Array | null): boolean => a.length === b?.length && a.every((v, i) => v === b[i]);
