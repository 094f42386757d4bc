// What has to hold in a browser. Each proof is called with the address of the
// way to the server over UDP; the page's own origin is that over TCP.
import { pageWires } from '../src/client/page.js';
import { uint32 } from '../src/codec/index.js';
import { answerFiles, takeFiles } from '../src/files/index.js';
import { datagrams, newest } from '../src/events/newest.js';
import { Code, connect, type ConnectOptions, handler, lifecycle, method, onEvent, type Session, TwinwireError } from '../src/index.js';
import { lab, Said } from '../test/lab.js';
import { play, type Step, visitor } from '../test/scenario.js';

/** Has something done to the world. */
const world = async (order: 'start' | 'kill' | 'stop' | 'cut' | 'block' | 'unblock' | 'hash'): Promise<string> => (await fetch(`/world/${order}`)).text();

function equal(got: unknown, want: unknown, what: string): void {
	const text = (v: unknown): string => JSON.stringify(v, (_, x: unknown) => (typeof x === 'bigint' ? `${x}n` : x));
	if (text(got) !== text(want)) throw new Error(`${what}: ${text(got)} in place of ${text(want)}`);
}

function matches(got: string | undefined, want: RegExp, what: string): void {
	if (!want.test(got ?? '')) throw new Error(`${what}: ${got}`);
}

async function fails(what: Promise<Session>): Promise<TwinwireError> {
	try {
		await (await what).close();
	} catch (err) {
		if (err instanceof TwinwireError) return err;
		throw err;
	}
	throw new Error('it did not fail');
}

/** Waits for a step in the life of a session. */
async function until(s: Session, phase: string, wire?: string): Promise<void> {
	for await (const c of lifecycle(s)) if (c.phase === phase && (!wire || c.wire === wire)) return;
	throw new Error(`${s.error} before ${phase} ${wire}`);
}

const dial = (options: ConnectOptions = {}): Promise<Session> => connect(location.host, { wires: pageWires(), storage: forgetful, ...options });
const forgetful = { getItem: () => null, setItem: () => {} };
const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const only = (wire: string): ConnectOptions => ({ wires: pageWires().filter((w) => w.name === wire) });

const works = async (s: Session): Promise<void> => equal((await s.call(lab.divide, { a: 17n, b: 5n })).quotient, 3n, 'call');

async function scenario(wire: string): Promise<void> {
	const steps = (await (await fetch('/scenario.json')).json()) as Step[];
	await using s = await dial({ ...only(wire), handlers: visitor });
	equal(s.change.wire, wire, 'wire');
	await play(s, steps);
}

/** A thousand events, while the wire is cut again and again. */
async function events(wire: string): Promise<void> {
	await using s = await dial(only(wire));
	const got: number[] = [];
	let cuts = 0;
	onEvent(s, (d) => {
		if (d.kind === 'missed' || d.missed) throw new Error('events were missed');
		if (d.kind === 'event') got.push(d.decode(Said).Number);
	});
	s.onChange((c) => c.phase === 'resumed' && cuts++);
	await s.call(lab.join, { topic: 't' });
	for (let from = 0; from < 1000; from += 100) {
		const emitted = s.call(lab.emit, { topic: 't', from, to: from + 100 });
		if (from % 300 === 0) await world('cut');
		await emitted;
	}
	equal(got, [...Array(1000).keys()], 'events');
	if (cuts < 3) throw new Error(`the wire was lost ${cuts} times only`);
}

export const proofs = {
	'every shape over WebTransport': () => scenario('webtransport'),
	'every shape over WebSocket': () => scenario('websocket'),
	'a thousand events without loss across cuts of WebTransport': () => events('webtransport'),
	'a thousand events without loss across cuts of WebSocket': () => events('websocket'),

	async 'the newest event of a page: by datagram, never an older one after a newer one, and the last arrives'() {
		const { prototype } = WritableStreamDefaultWriter;
		const { write } = prototype;
		let sent = 0;
		prototype.write = function (b) {
			if ((b as Uint8Array)[1] === 0x8f) sent++; // LATEST
			return write.call(this, b);
		};
		try {
			for (const wire of ['webtransport', 'websocket']) {
				await using s = await dial({ ...only(wire), datagrams });
				const back: number[] = [];
				onEvent(s, (d) => d.kind === 'event' && d.type === 'back.At' && back.push(d.decode(uint32)));
				const pointer = newest(s, 'pointer');
				for (let n = 1; n <= 500; n++) {
					pointer.emit('pointer.At', uint32, n);
					if (n % 5 === 0) await works(s);
				}
				while (back.at(-1) !== 500) await new Promise((resolve) => setTimeout(resolve, 10));
				if (back.some((n, i) => i > 0 && n <= (back[i - 1] as number))) throw new Error(`over ${wire} older ones arrived after newer ones: ${back}`);
				if (back.length < 20 || sent < 50) throw new Error(`over ${wire}: ${back.length} arrived, ${sent} datagrams were sent`);
			}
		} finally {
			prototype.write = write;
		}
	},

	async 'files come and go where the server calls'() {
		for (const wire of ['webtransport', 'websocket']) {
			const content = crypto.getRandomValues(new Uint8Array(60_000));
			const got: { [name: string]: number[] } = {};
			const handlers = {
				'page.Give': handler(async (_, request) => answerFiles(request, [new File([content], 'a.bin'), new File([], 'empty')])),
				'page.Take': handler(async (_, request) => takeFiles(request, async (f) => (got[f.info.name] = [...new Uint8Array(await (await f.blob()).arrayBuffer())]))),
			};
			await using s = await dial({ ...only(wire), handlers });
			equal(await s.call(method('album.Ask', undefined, uint32), undefined), 2, 'files');
			equal(got, { 'a.bin': [...content], empty: [] }, `what came back over ${wire}`);
		}
	},

	async 'UDP blocked: WebSocket, and back to WebTransport when it is not'() {
		await world('block');
		await using s = await dial();
		equal(s.change.wire, 'websocket', 'where UDP is blocked');
		await works(s);
		while (!s.fallback) await new Promise((resolve) => setTimeout(resolve, 50)); // it looks after some seconds
		matches(s.fallback.message, /^no answer over UDP/, 'why');
		await world('unblock');
		const all = (async () => {
			for (let n = 0; s.change.wire !== 'webtransport'; n++) equal((await s.call(lab.divide, { a: BigInt(n), b: 1n })).quotient, BigInt(n), 'call during the move');
		})();
		await until(s, 'resumed', 'webtransport');
		await all;
		equal(s.fallback, undefined, 'why not, on the best wire');
		await works(s);
		await world('block'); // and down again
		await works(s);
		equal(s.change.wire, 'websocket', 'where UDP is blocked in the middle');
		await world('unblock');
	},

	async 'the server killed: calls learn of it, the session ends, and another begins'() {
		for (const wire of ['webtransport', 'websocket']) {
			const s = await dial(only(wire));
			const sleeping = s.call(lab.sleep, { time: 60_000 }).catch((err: TwinwireError) => err.code);
			await works(s);
			const before = await world('hash');
			await world('kill');
			await until(s, 'detached');
			const waiting = s.call(lab.divide, { a: 1n, b: 1n }).catch((err: TwinwireError) => err.code);
			await world('start');
			equal((await s.closed).code, Code.NotFound, 'the end');
			equal(await sleeping, Code.OutcomeUnknown, 'a call that was running');
			equal(await waiting, Code.Unavailable, 'a call that was not sent');
			if (before === (await world('hash'))) throw new Error('the certificate has not changed');
			// The certificate is another, and the page is told so.
			await using next = await dial(only(wire));
			await works(next);
		}
	},

	async 'a certificate that is not the one: said so'(udp: string) {
		const hash = bytesOf(await world('hash'));
		await using s = await connect(`quic://${udp}`, { certificates: [new Uint8Array(32), hash] }); // as when they change
		await works(s);
		const err = await fails(connect(`quic://${udp}`, { certificates: [new Uint8Array(32)] }));
		matches(err.message, /^the certificate of the server is not trusted: it has none of the hashes/, 'wrong hash');
		matches((await fails(connect(`quic://${udp}`))).message, /^the certificate of the server is not trusted$/, 'no hash');
	},

	async 'what a server says at the end of a session arrives'(udp: string) {
		const hash = bytesOf(await world('hash')) as Uint8Array<ArrayBuffer>;
		const raw = new WebTransport(`https://${udp}/twinwire`, { serverCertificateHashes: [{ algorithm: 'sha-256', value: hash }] });
		await raw.ready;
		const { writable } = await raw.createBidirectionalStream();
		await writable.getWriter().write(Uint8Array.of(3, 0x09, 0, 1)); // PING
		const { closeCode, reason } = await raw.closed;
		equal([closeCode, reason], [Code.ProtocolError, 'lane does not begin with HELLO or ATTACH'], 'no HELLO');

		const err = await fails(connect(`quic://${udp}`, { certificates: [hash], app: 'another' }));
		equal(err.code, Code.VersionMismatch, 'another application');
		for (const wire of ['webtransport', 'websocket']) {
			const s = await dial({ ...only(wire), resumeTime: 0 });
			await works(s);
			await world('stop');
			const { code, message } = await s.closed;
			equal([code, message], [Code.Unavailable, 'server is closing'], `the server stops, over ${wire}`);
			await world('start');
		}
	},

	async 'no WebTransport in the browser: said so'() {
		const all = globalThis as { WebTransport?: unknown };
		const { WebTransport } = all;
		delete all.WebTransport;
		try {
			matches((await fails(connect('quic://localhost'))).message, /^no WebTransport in this browser$/, 'why');
		} finally {
			all.WebTransport = WebTransport;
		}
	},
};

/** For a page of an origin that the server does not know. */
export const strangers = {
	async 'another origin: refused, and said so'(udp: string) {
		const err = await fails(connect(`quic://${udp}`, { certificates: [bytesOf(await world('hash'))] }));
		equal([err.code, err.message], [Code.PermissionDenied, 'origin is not allowed'], 'WebTransport');
		equal((await fails(dial(only('websocket')))).code, Code.Unavailable, 'WebSocket');
	},
};

Object.assign(globalThis, { proofs, strangers });
