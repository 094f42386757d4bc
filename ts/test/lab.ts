// The contract of ts/testserver/lab, by hand.
import { array, bool, byteArray, bytes, date, duration, float32, float64, int32, int64, int8, list, map, optional, string, struct, type Type, timestamp, uint16, uint32, uint64 } from '../src/codec/index.js';
import { method } from '../src/index.js';

export const Inner = struct({ Name: string, Count: uint32 });
export const Everything = struct({
	Bool: bool, Small: int8, Int: int32, Big: int64, Huge: uint64, Half: float32, Whole: float64, Text: string, Bytes: bytes, Hash: byteArray(4),
	Time: timestamp, Duration: duration, List: list(string), Pair: array(uint16, 2), Map: map(string, int32), Numbers: map(int64, string),
	Next: optional(Inner), Inner, Many: list(Inner),
});
export const Player = struct({ X: int32, Y: int32, Tags: list(string) });
export const State = struct({
	Title: string, Count: uint32, Players: map(string, Player), Scores: map(int32, int64), Log: list(string), Board: list(Player),
	Grid: byteArray(3), Blob: bytes, Best: optional(Player), Seen: timestamp,
});
export const Receipt = struct({ Name: string, Size: int64, Sum: bytes });
export const Said = struct({ Number: uint32 });

const arg = <T>(name: string, type: Type<T>): Type<{ readonly [name: string]: T }> => struct({ [name]: type });

export const lab = {
	echo: method('lab.Echo', struct({ value: Everything }), Everything),
	divide: method('lab.Divide', struct({ a: int64, b: int64 }), struct({ quotient: int64, rest: int64 })),
	fail: method('lab.Fail', struct({ code: uint16, text: string })),
	sleep: method('lab.Sleep', arg('time', duration)),
	canceled: method('lab.Canceled', undefined, uint32),
	count: method('lab.Count', arg('n', uint32), uint32),
	countAndFail: method('lab.CountAndFail', arg('n', uint32), uint32),
	sum: method('lab.Sum', undefined, uint64),
	sums: method('lab.Sums', undefined, uint64),
	first: method('lab.First', undefined, uint32),
	put: method('lab.Put', arg('name', string), Receipt),
	get: method('lab.Get', arg('n', uint32)),
	upper: method('lab.Upper'),
	note: method('lab.Note', arg('text', string)),
	notes: method('lab.Notes', undefined, list(string)),
	join: method('lab.Join', arg('topic', string)),
	leave: method('lab.Leave', arg('topic', string)),
	emit: method('lab.Emit', struct({ topic: string, from: uint32, to: uint32 })),
	tour: method('lab.Tour', arg('name', string), list(string)),
	unknown: method('lab.Unknown'),
	play: method('lab.Play', arg('step', int32)),
	meta: method('lab.Meta', arg('key', string), string),
	cut: method('lab.Cut', undefined, string),
};

export { date };
