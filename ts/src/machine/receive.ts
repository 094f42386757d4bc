import { Code, must } from '../error.js';
import { Frame, numbered, parseFrame } from '../frame/frame.js';
import { F1, F2, F3, F4, F5, Kind, layouts } from '../frame/layout.js';
import { none, text } from '../frame/varint.js';
import { admit, bare, messageShare, release, reply } from './calls.js';
import { Limit, type TopicChange } from './config.js';
import type { Lane } from './lane.js';
import type { Machine } from './machine.js';
import { begin, more, Of } from './parts.js';
import { receiveData, receiveStop, receiveWindow } from './streams.js';

/** Takes whole frames that arrived in a pipe. It throws what the peer did wrong. */
export function receive(m: Machine, pipe: number, b: Uint8Array, now: number): void {
	m.received(now);
	for (let at = 0; at < b.length && !m.ended; ) {
		const [f, end] = parseFrame(b, at);
		const l = m.lanes[f.lane];
		must(l, 2.1);
		if (numbered(f.kind)) takeNumbered(m, pipe, f, l, end - at, now);
		else {
			must(!pipe || f.kind === Kind.Ack || !layouts[f.kind], 2.7);
			if (f.kind === Kind.Ping) {
				// The answer is the same frame but for its kind.
				const answer = b.slice(at, end);
				answer[1] = Kind.Pong;
				m.control.push(answer);
				must(m.control.length <= 64, 8.1);
			} else takeControl(m, f, l);
		}
		at = end;
	}
}

function takeNumbered(m: Machine, pipe: number, f: Frame, l: Lane, n: number, now: number): void {
	const { kind } = f;
	must(l.bound && (pipe === f.lane || !m.binding.independent), 4.5);
	const data = kind === Kind.Data;
	if (!l.accept(f.seq, data ? 0 : n, data && (f.flags & F5) > 0, now)) return;
	must(!f.packed, 16.1);
	if (!layouts[kind]) return;
	const event = kind >= Kind.Topic || (kind === Kind.More && f.flags >> 4 === Of.Event);
	must(data || kind === Kind.Reset || l === (event ? m.eventLane : m.callLane), 4.3);
	switch (kind) {
		case Kind.Reply: reply(m, f); break;
		case Kind.State: takeState(m, f); break;
		case Kind.Stop: receiveStop(m, f); break;
		case Kind.Data:
		case Kind.Reset: receiveData(m, f); break;
		case Kind.More: more(m, f); break;
		case Kind.Call:
		case Kind.Message:
		case Kind.Cancel: (m.serving ? m.serving.receive(f) : refuse(m, f)); break;
		default: takeEvent(m, f, l);
	}
	if (event) release(m);
}

/** Answers a call of a client that serves none. */
function refuse(m: Machine, f: Frame): void {
	const { kind, id, size } = f;
	if (kind === Kind.Cancel) return;
	if (kind === Kind.Message) m.messages.free(messageShare(Math.max(size, f.payload.length), m.own.msgs));
	else m.queue.push(bare(() => new Frame(Kind.Reply, { id, code: Code.NotImplemented })));
	begin(m, f, Of.Call, () => m.large.free(size));
}

function takeControl(m: Machine, f: Frame, l: Lane): void {
	const { kind, flags, payload } = f;
	const { generation } = m.binding;
	const retryAfter = flags & F1 ? f.millis : undefined;
	switch (kind) {
		case Kind.Ack: return l.acknowledge(f.next);
		case Kind.Open: return void (l.asked = !l.bound);
		case Kind.Pong: return m.pong(f.id);
		case Kind.Credit:
			return raise(m, f);
		case Kind.Window: return receiveWindow(m, f);
		case Kind.Close:
			must(m.goodbyeIn < generation, 8.2);
			m.goodbyeIn = generation;
			m.goodbye = f;
			return;
		case Kind.Leaving:
			must(m.leftIn < generation, 8.4);
			m.leftIn = generation;
			return m.listener.leaving(f.next || undefined, retryAfter);
		case Kind.Challenge:
		case Kind.Welcome:
		case Kind.Refuse: return m.listener.renewal(kind, payload);
	}
	must(!layouts[kind], 3.1);
}

function raise(m: Machine, f: Frame): void {
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
	const end = flags & F4;
	const snapshot = flags & F2;
	if (end) m.states.delete(id);
	const version = (s.version = snapshot ? f.next : s.version + 1);
	begin(m, f, Of.State, (payload) => m.listener.state(s.name, end ? 'end' : snapshot ? 'snapshot' : 'delta', version, payload));
}

/** Takes a frame of a topic of the peer (clause 7). */
function takeEvent(m: Machine, f: Frame, l: Lane): void {
	const { kind, id, flags, next } = f;
	const begins = kind === Kind.Topic && flags & F1;
	if (begins) {
		must(id > m.lastTopic && m.topics.size <= Limit.Topics, 7.1);
		m.topics.set((m.lastTopic = id), text(f.name));
		m.versions.set(id, 0);
	}
	const topic = m.topics.get(id);
	must(topic !== undefined && (id || kind !== Kind.Topic), 7.1);
	const tell = (what: TopicChange, type = '', missed = 0, payload = none): void => m.listener.event(topic, what, type, missed, payload);
	if (kind === Kind.Event) {
		const type = l.resolve(f, m.own.names);
		return begin(m, f, Of.Event, (payload) => (!f.version || newer(m, f)) && tell('event', type, flags & F2 ? next : 0, payload));
	}
	if (kind === Kind.Gap) return tell('missed', '', next);
	if (!begins) {
		m.topics.delete(id);
		m.versions.delete(id);
	}
	tell(begins ? 'subscribed' : 'unsubscribed');
}

/** Whether an event is newer than all that was seen of its topic, if that is known (clauses 7.7 and 7.8). */
function newer({ versions }: Machine, { id, version }: Frame): boolean {
	const is = version > (versions.get(id) ?? Infinity);
	if (is) versions.set(id, version);
	return is;
}

/** Takes a datagram: events of which the newest counts (clause 7.8). It throws what the peer did wrong. */
export function receiveDatagram(m: Machine, b: Uint8Array): void {
	for (let at = 0, f: Frame; at < b.length; ) {
		[f, at] = parseFrame(b, at);
		must(f.kind === Kind.Latest && f.id && f.version, 7.8);
		if (newer(m, f)) m.listener.event(m.topics.get(f.id) as string, 'event', text(f.name), 0, f.payload);
	}
}
