// Compares the codec with msgpackr and @msgpack/msgpack, which are no
// dependencies of anything else: npm run bench. The libraries take turns in many short rounds, and are compared within each,
// so that what else the machine does concerns all of them; of times and of ratios the median counts.
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

const calls = 4000;
const rounds = 301;
let sink;

function time(f) {
	const start = process.hrtime.bigint();
	for (let i = 0; i < calls; i++) sink = f();
	return Number(process.hrtime.bigint() - start) / calls;
}

const median = (v) => v.toSorted((a, b) => a - b)[v.length >> 1];

/** By library and round, what encoding takes, and decoding. */
const encodes = contestants.map(() => []);
const decodes = contestants.map(() => []);
for (let round = 0; round < rounds; round++) {
	contestants.forEach(([, enc], i) => encodes[i].push(time(enc)));
	contestants.forEach(([, , dec], i) => decodes[i].push(time(dec)));
}
if (sink === undefined) throw new Error('nothing was measured');
const ratio = ([own, theirs]) => median(own.map((v, round) => v / theirs[round])).toFixed(2);
console.log('flat struct, number mode, ns/op (median of %d rounds)', rounds);
contestants.forEach(([name], i) => console.log('%s encode %d decode %d', name.padEnd(18), median(encodes[i]).toFixed(0), median(decodes[i]).toFixed(0)));
console.log('of msgpackr: encode %s (bar 0.60), decode %s (bar 1.15)', ratio(encodes), ratio(decodes));
