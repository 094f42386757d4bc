// What the page does: calls, streams, events and state over WebTransport and
// WebSocket, a lost wire, and a move to the better one.
import { bytes, connect, type ConnectOptions, type Session, values } from '../src/index.js';
import { webSocket } from '../src/wires/websocket.js';
import { webTransport } from '../src/wires/webtransport.js';
import { lab, Said, State } from '../test/lab.js';
import { uint32 } from '../src/codec/index.js';

function equal(got: unknown, want: unknown, what: string): void {
	const text = (v: unknown): string => JSON.stringify(v, (_, x: unknown) => (typeof x === 'bigint' ? `${x}n` : x));
	if (text(got) !== text(want)) throw new Error(`${what}: ${text(got)} in place of ${text(want)}`);
}

async function use(s: Session): Promise<void> {
	equal(await s.call(lab.divide, { a: 17n, b: 5n }), { quotient: 3n, rest: 2n }, 'call');
	let n = 0;
	for await (const _ of s.values(lab.count, { n: 5000 })) n++;
	equal(n, 5000, 'values down');
	equal(await s.call(lab.sum, undefined, { source: values(uint32, Array.from({ length: 3000 }, (_, i) => i)) }), 4498500n, 'values up');
	const body = new Blob([new Uint8Array(1_500_000).fill(97)]);
	equal((await s.call(lab.put, { name: 'blob' }, { source: bytes(body) })).Size, 1_500_000n, 'bytes up');
	equal((await new Response(s.body(lab.upper, undefined, { source: bytes(body) })).text()).slice(-3), 'AAA', 'bytes both ways');
	const view = s.state('lab', State);
	await s.call(lab.play, { step: 1 });
	equal(view.get()?.Title, 'second', 'state after the call');
	const got: number[] = [];
	const stop = s.onEvent((d) => d.kind === 'event' && got.push(d.decode(Said).Number));
	await s.call(lab.join, { topic: 't' });
	await s.call(lab.emit, { topic: 't', from: 0, to: 500 });
	equal(got, [...Array(500).keys()], 'events before the reply');
	await s.call(lab.leave, { topic: 't' });
	stop();
}

async function run(addr: string, plain: string, hash: string): Promise<string[]> {
	const done: string[] = [];
	const options: ConnectOptions = { certificates: [Uint8Array.from(atob(hash), (c) => c.charCodeAt(0))] };
	const direct = await connect(`quic://${addr}`, options);
	equal(direct.change.wire, 'webtransport', 'wire');
	await use(direct);
	const calls = Array.from({ length: 200 }, (_, i) => direct.call(lab.divide, { a: BigInt(i), b: 1n }));
	direct.link.carrier?.receiver.closed(undefined, ''); // as if it had broken
	for (const [i, r] of (await Promise.all(calls)).entries()) equal(r.quotient, BigInt(i), 'calls over a lost wire');
	equal(direct.change.phase, 'resumed', 'phase');
	await use(direct);
	await direct.close();
	done.push('webtransport');

	const socket = await connect(`ws://${plain}`);
	await use(socket);
	await socket.close();
	done.push('websocket');

	const best = await connect(addr, options);
	equal([best.change.wire, localStorage.getItem(`twinwire.wire.${addr}`)?.split(' ')[0]], ['webtransport', 'webtransport'], 'the race');
	await best.close();
	done.push('race');

	const only = webSocket();
	let blocked = true;
	const quic = webTransport(options.certificates);
	const moved = await connect(addr, {
		wires: [
			{ name: quic.name, dial: (target, signal) => (blocked ? Promise.reject(new Error('blocked')) : quic.dial(target, signal)) },
			{ name: only.name, dial: (_, signal) => only.dial({ host: plain, path: '/twinwire', plaintext: true }, signal) },
		],
	});
	equal(moved.change.wire, 'websocket', 'where UDP is blocked');
	blocked = false;
	const busy = use(moved);
	for await (const c of moved.lifecycle()) if (c.phase === 'resumed') break;
	equal(moved.change.wire, 'webtransport', 'after the move');
	await busy;
	await use(moved);
	await moved.close();
	done.push('move');
	return done;
}

(globalThis as { run?: typeof run }).run = run;
