/** The kinds of clause 2.6. */
export const Kind = {
	Hello: 0x01,
	Challenge: 0x02,
	Proof: 0x03,
	Welcome: 0x04,
	Refuse: 0x05,
	Attach: 0x06,
	Open: 0x07,
	Ack: 0x08,
	Ping: 0x09,
	Pong: 0x0a,
	Credit: 0x0b,
	Close: 0x0c,
	Window: 0x0d,
	Call: 0x41,
	Message: 0x42,
	Reply: 0x43,
	Cancel: 0x44,
	More: 0x45,
	State: 0x46,
	Data: 0x4a,
	Reset: 0x4b,
	Stop: 0x4c,
	Topic: 0xc7,
	Event: 0xc8,
	Gap: 0xc9,
	Leaving: 0x8e,
} as const;

/** The flags of clause 2.1. What they mean depends on the kind. */
export const F1 = 0x08;
export const F2 = 0x10;
export const F3 = 0x20;
export const F4 = 0x40;
export const F5 = 0x80;

export const maxLanes = 8;
/** The bit of the kind byte that says that a payload is compressed (clause 16.2). */
export const packedBit = 0x20;

export const maxPayload = 16384;
export const maxBody = 32768;
export const maxCode = 4095;
export const maxReason = 120;

/** The numbers of a frame that have a field of their own. */
export type NumberField = 'id' | 'code' | 'ref' | 'size' | 'millis' | 'next' | 'slot' | 'nexts';

/** What clause 2.6 says of a kind: the flags that it knows, its numbers and strings and when they are there. */
export interface Layout {
	readonly control: boolean;
	readonly flags: number;
	/** Whether it has a payload: a full one then, if F1 says that more follows. */
	readonly payload: boolean;
	/** Its payload may be compressed (clause 16.2). */
	readonly packs: boolean;
	readonly numbers: readonly (readonly [field: NumberField, when: number])[];
	/** The name: always there with a limit of maxReason, with a flag, or if ref says so. */
	readonly name: number;
	/** The flag of metadata, 0 for none. */
	readonly meta: number;
}

/** Values of Layout.name that are no flags. */
export const noName = -1;
export const always = 0;
export const byRef = 1;

function layout(flags: number, numbers: string, name = noName, payload = false, meta = 0, control = true, packs = false): Layout {
	return {
		control,
		flags,
		payload,
		numbers: numbers
			? numbers.split(' ').map((s) => {
					const [field, flag] = s.split('?');
					return [field as NumberField, flag ? 4 << Number(flag) : 0] as const;
				})
			: [],
		name,
		meta,
		packs,
	};
}

const free = false;
const packs = true;

/** The table of clause 2.6. A number that is there only with a flag has the flag's number behind a question mark. */
export const layouts: { readonly [kind: number]: Layout } = {
	[Kind.Hello]: layout(0, '', noName, true),
	[Kind.Challenge]: layout(0, '', noName, true),
	[Kind.Proof]: layout(0, '', noName, true),
	[Kind.Welcome]: layout(0, '', noName, true),
	[Kind.Refuse]: layout(F1 | F2 | F3, 'code millis?1', always),
	[Kind.Attach]: layout(F1, 'id', noName, false, 0, free),
	[Kind.Open]: layout(0, '', noName, false, 0, free),
	[Kind.Ack]: layout(0, 'next', noName, false, 0, free),
	[Kind.Ping]: layout(0, 'id'),
	[Kind.Pong]: layout(0, 'id'),
	[Kind.Credit]: layout(0, 'id next'),
	[Kind.Close]: layout(F1, 'code millis?1 nexts', always),
	[Kind.Window]: layout(F3, 'id slot next'),
	[Kind.Call]: layout(F1 | F2 | F3 | F4 | F5, 'id ref size?1 millis?3', byRef, true, F2, free, packs),
	[Kind.Message]: layout(F1 | F2 | F4, 'ref id?1 size?1', byRef, true, F2, free, packs),
	[Kind.Reply]: layout(F1 | F2 | F3 | F4, 'id code size?1 next?3 slot?4', noName, true, F2, free, packs),
	[Kind.Cancel]: layout(0, 'id code', noName, false, 0, free),
	[Kind.More]: layout(F1 | F2 | F3, 'id', noName, true, 0, free, packs),
	[Kind.State]: layout(F1 | F2 | F3 | F4, 'id next?2 size?1', F3, true, 0, free, packs),
	[Kind.Data]: layout(F2 | F3 | F4 | F5, 'id slot', noName, true, 0, free),
	[Kind.Reset]: layout(F3, 'id slot code', noName, true, 0, free),
	[Kind.Stop]: layout(F3, 'id slot code', noName, true, 0, free),
	[Kind.Topic]: layout(F1, 'id', F1, false, 0, free),
	[Kind.Event]: layout(F1 | F2, 'id ref size?1 next?2', byRef, true, 0, free, packs),
	[Kind.Gap]: layout(0, 'id next', noName, false, 0, free),
	[Kind.Leaving]: layout(F1, 'next millis?1'),
};
