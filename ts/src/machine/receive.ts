import { Code, must } from '../error.js';
import { Frame, numbered, parseFrame, retryAfter } from '../frame/frame.js';
import { F1, F2, F3, F4, F5, Kind, layouts } from '../frame/layout.js';
import { none, text } from '../frame/varint.js';
import { admit, bare, messageShare, release, reply } from './calls.js';
import { Limit, type Topic, type TopicChange } from './config.js';
import { accept, acknowledge, type Lane, resolve } from './lane.js';
import type { Machine } from './machine.js';
import { begin, more, Of } from './parts.js';
import { receiveData, receiveStop, receiveWindow } from './streams.js';
import { pong, received } from './watch.js';

/** Takes whole frames that arrived in a pipe. It throws what the peer did wrong. */
export function receive(m: Machine, pipe: number, b: Uint8Array, now: number): void {
	received(m, now);
	for (let at = 0; at < b.length && !m.ended; ) {
		const [f, end] = parseFrame(b, at);
		const { kind } = f;
		const l = m.lanes[f.lane];
		must(l, 2.1);
		if (numbered(kind)) takeNumbered(m, pipe, f, l, b.subarray(at, end), now);
		else {
			must(!pipe || kind === Kind.Ack || !layouts[kind], 2.7);
			must(takers[kind] || !layouts[kind], 3.1);
			takers[kind]?.(m, f, l, b.subarray(at, end));
		}
		at = end;
	}
}

function takeNumbered(m: Machine, pipe: number, f: Frame, l: Lane, b: Uint8Array, now: number): void {
	const { kind } = f;
	must(l.bound && (pipe === f.lane || !m.binding.independent), 4.5);
	const data = kind === Kind.Data;
	if (!accept(l, f.seq, data ? 0 : b.length, data && (f.flags & F5) > 0, now)) return;
	must(!f.packed, 16.1);
	if (!layouts[kind]) return;
	const event = kind >= Kind.Topic || (kind === Kind.More && f.flags >> 4 === Of.Event);
	must(data || kind === Kind.Reset || l === (event ? m.eventLane : m.callLane), 4.3);
	takers[kind]?.(m, f, l, b);
	if (event) release(m);
}

/** Repeats a PING but for its kind (clause 8.1). */
function answer(m: Machine, _: Frame, __: Lane, b: Uint8Array): void {
	const same = b.slice();
	same[1] = Kind.Pong;
	m.control.push(same);
	must(m.control.length <= 64, 8.1);
}

function takeClose(m: Machine, f: Frame): void {
	const { gen } = m.binding;
	must(m.goodbyeIn < gen, 8.2);
	m.goodbyeIn = gen;
	m.goodbye = f;
}

function takeLeaving(m: Machine, f: Frame): void {
	const { gen } = m.binding;
	must(m.leftIn < gen, 8.4);
	m.leftIn = gen;
	m.listener.leaving({ within: f.next || undefined, retryAfter: retryAfter(f) });
}

const renewal = (m: Machine, f: Frame): void => m.listener.renewal(f.kind, f.payload);

/** Serves a frame of a call of the peer; a client that serves none refuses it. */
function serve(m: Machine, f: Frame): void {
	const { kind, id, size } = f;
	if (m.serving) return m.serving.receive(f);
	if (kind === Kind.Cancel) return;
	if (kind === Kind.Message) m.messages.free(messageShare(Math.max(size, f.payload.length), m.own.msgs));
	else m.queue.push(bare(() => new Frame(Kind.Reply, { id, code: Code.NotImplemented })));
	m.large.free(size); // what follows of it is dropped
}

function takeCredit(m: Machine, f: Frame): void {
	const q = m.quotas[f.id];
	must(q, 5.4);
	q.limit = Math.max(q.limit, f.next);
	admit(m);
}

/** Takes a frame of a state of the peer (clause 6.9). */
function takeState(m: Machine, f: Frame): void {
	const { id, flags } = f;
	if (flags & F3) {
		must(id > m.lastState && m.states.size < Limit.States, 6.9);
		m.states.set((m.lastState = id), { name: text(f.name), version: 0 });
	}
	const s = m.states.get(id);
	must(s, 6.9);
	if (flags & F4) m.states.delete(id);
	const version = (s.version = flags & F2 ? f.next : s.version + 1);
	begin(m, f, Of.State, (payload) => m.listener.state(s.name, flags, version, payload));
}

/** Takes a frame of a topic of the peer (clause 7). */
function takeEvent(m: Machine, f: Frame, l: Lane): void {
	const { kind, id, flags, next } = f;
	const begins = kind === Kind.Topic && flags & F1;
	if (begins) {
		must(id > m.lastTopic && m.topics.size <= Limit.Topics, 7.1);
		m.topics.set((m.lastTopic = id), { name: text(f.name), version: 0 });
	}
	const topic = m.topics.get(id);
	must(topic && (id || kind !== Kind.Topic), 7.1);
	const tell = (what: TopicChange, type = '', missed = 0, payload = none): void => m.listener.event(topic.name, what, type, missed, payload);
	if (kind === Kind.Event) {
		const type = resolve(l, f, m.own.names);
		return begin(m, f, Of.Event, (payload) => (!f.version || newer(topic, f)) && tell('event', type, flags & F2 ? next : 0, payload));
	}
	if (kind === Kind.Gap) return tell('missed', '', next);
	if (!begins) m.topics.delete(id);
	tell(begins ? 'subscribed' : 'unsubscribed');
}

/** Whether an event is newer than all that was seen of its topic (clause 7.7). */
export function newer(topic: Topic, { version }: Frame): boolean {
	const is = version > topic.version;
	if (is) topic.version = version;
	return is;
}

/** What takes the frames of a kind, which b holds. */
const takers: { readonly [kind: number]: (m: Machine, f: Frame, l: Lane, b: Uint8Array) => void } = {
	[Kind.Challenge]: renewal,
	[Kind.Welcome]: renewal,
	[Kind.Refuse]: renewal,
	[Kind.Open]: (_, __, l) => (l.asked = !l.bound),
	[Kind.Ack]: (_, f, l) => acknowledge(l, f.next),
	[Kind.Ping]: answer,
	[Kind.Pong]: pong,
	[Kind.Credit]: takeCredit,
	[Kind.Close]: takeClose,
	[Kind.Window]: receiveWindow,
	[Kind.Leaving]: takeLeaving,
	[Kind.Call]: serve,
	[Kind.Message]: serve,
	[Kind.Cancel]: serve,
	[Kind.Reply]: reply,
	[Kind.More]: more,
	[Kind.State]: takeState,
	[Kind.Data]: receiveData,
	[Kind.Reset]: receiveData,
	[Kind.Stop]: receiveStop,
	[Kind.Topic]: takeEvent,
	[Kind.Event]: takeEvent,
	[Kind.Gap]: takeEvent,
};
