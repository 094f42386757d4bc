/** The kinds of clause 2.6. */
export enum Kind {
	Hello = 0x01,
	Challenge = 0x02,
	Proof = 0x03,
	Welcome = 0x04,
	Refuse = 0x05,
	Attach = 0x06,
	Open = 0x07,
	Ack = 0x08,
	Ping = 0x09,
	Pong = 0x0a,
	Credit = 0x0b,
	Close = 0x0c,
	Window = 0x0d,
	Call = 0x41,
	Message = 0x42,
	Reply = 0x43,
	Cancel = 0x44,
	More = 0x45,
	State = 0x46,
	Data = 0x4a,
	Reset = 0x4b,
	Stop = 0x4c,
	Topic = 0xc7,
	Event = 0xc8,
	Gap = 0xc9,
	Leaving = 0x8e,
	/** In datagrams only (clause 7.8). */
	Latest = 0x8f,
}

/** The flags of clause 2.1. What they mean depends on the kind. */
export const F1 = 0x08;
export const F2 = 0x10;
export const F3 = 0x20;
export const F4 = 0x40;
export const F5 = 0x80;

/** The bit of the kind byte that says that a payload is compressed (clause 16.2). */
export const packedBit = 0x20;

export const maxPayload = 16384;

/** The numbers and strings of a frame that have a field of their own. */
export type FieldName = 'id' | 'code' | 'ref' | 'size' | 'millis' | 'next' | 'slot' | 'version' | 'nexts' | 'name' | 'meta' | 'payload';

/** What clause 2.6 says of a kind. */
export interface Layout {
	/** The flags that it knows. */
	readonly flags: number;
	/** Its fields, and the flag with which they are there: 0 for always, 1 for what ref says (clause 6.2). */
	readonly fields: readonly (readonly [FieldName, number])[];
	/** Whether it is of lane 0 (clause 2.7), and whether its payload may be compressed. */
	readonly control: boolean;
	readonly packs: boolean;
}

/**
 * The table of clause 2.6: kind, flags, the class of the kind (control, free of
 * lane 0, packs), and the fields. A field that is there only with a flag has the flag's number behind it.
 */
const table = `1 0 c payload
2 0 c payload
3 0 c payload
4 0 c payload
5 38 c code millis1 name
6 8 f id
7 0 f
8 0 f next
9 0 c id
a 0 c id
b 0 c id next
c 8 c code millis1 nexts name
d 20 c id slot next
41 f8 p id ref size1 millis3 nameR meta2 payload
42 58 p ref id1 size1 nameR meta2 payload
43 78 p id code size1 next3 slot4 meta2 payload
44 0 f id code
45 38 p id payload
46 78 p id next2 size1 name3 payload
4a f0 f id slot payload
4b 20 f id slot code payload
4c 20 f id slot code payload
c7 8 f id name1
c8 38 p id ref size1 next2 version3 nameR payload
c9 0 f id next
8e 8 c next millis1
8f 0 f id version nameR payload`;

export const layouts: readonly (Layout | undefined)[] = /* @__PURE__ */ table.split('\n').reduce<Layout[]>((all, line) => {
	const [kind, flags, lane, ...fields] = line.split(' ') as [string, string, string, ...string[]];
	all[parseInt(kind, 16)] = {
		flags: parseInt(flags, 16),
		fields: fields.map((field) => {
			const [, name, flag] = /(.*?)([R\d]?)$/.exec(field) as unknown as [string, FieldName, string];
			return [name, flag === 'R' ? 1 : flag ? 4 << Number(flag) : 0];
		}),
		control: lane === 'c',
		packs: lane === 'p',
	};
	return all;
}, []);
