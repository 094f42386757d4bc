// Compares the codec with msgpackr and @msgpack/msgpack, which are no
// dependencies of anything else: npm run bench. The libraries take turns, and the medians of many rounds are compared.
import { Decoder, Encoder } from '@msgpack/msgpack';
import { Packr } from 'msgpackr';
import { date, decode, encode, float64, list, string, struct, uint53 } from '../dist/codec.js';

const Flat = struct({ ID: uint53, Name: string, Tags: list(string), Amount: float64, At: date });
const flat = { ID: 1234567, Name: 'a message without structure', Tags: ['red', 'green'], Amount: 1234.5678, At: new Date(1700000000123) };

const packr = new Packr({ useRecords: false, int64AsType: 'number' });
const encoder = new Encoder();
const decoder = new Decoder();
const own = encode(Flat, flat);
const theirs = packr.pack(flat).slice();

const contestants = [
	['twinwire', () => encode(Flat, flat), () => decode(Flat, own)],
	['msgpackr', () => packr.pack(flat), () => packr.unpack(theirs)],
	['@msgpack/msgpack', () => encoder.encodeSharedRef(flat), () => decoder.decode(own)],
];

const calls = 20_000;
const rounds = 41;
let sink;

function time(f) {
	const start = process.hrtime.bigint();
	for (let i = 0; i < calls; i++) sink = f();
	return Number(process.hrtime.bigint() - start) / calls;
}

const median = (v) => v.sort((a, b) => a - b)[v.length >> 1];

const results = contestants.map(() => [[], []]);
for (let round = 0; round < rounds; round++) {
	contestants.forEach(([, enc, dec], i) => {
		results[i][0].push(time(enc));
		results[i][1].push(time(dec));
	});
}
if (sink === undefined) throw new Error('nothing was measured');
const medians = results.map(([enc, dec]) => [median(enc), median(dec)]);
console.log('flat struct, number mode, ns/op (median of %d rounds)', rounds);
contestants.forEach(([name], i) => console.log('%s encode %d decode %d', name.padEnd(18), medians[i][0].toFixed(0), medians[i][1].toFixed(0)));
const [a, b] = medians;
console.log('of msgpackr: encode %s (bar 0.60), decode %s (bar 1.15)', (a[0] / b[0]).toFixed(2), (a[1] / b[1]).toFixed(2));
