import { Code, TwinwireError, violation, whenAborted } from '../error.js';
import { type Carrier, nobody, type Wire } from './carrier.js';

/** What is needed of a WebSocket: that of browsers and of Node 22, and of the package ws. */
export interface WebSocketLike {
	binaryType: string;
	readonly bufferedAmount: number;
	onopen: ((event: never) => void) | null;
	onmessage: ((event: never) => void) | null;
	onerror: ((event: never) => void) | null;
	onclose: ((event: never) => void) | null;
	send(data: Uint8Array<ArrayBuffer>): void;
	close(code?: number, reason?: string): void;
}

export type WebSocketClass = new (url: string, protocols: string) => WebSocketLike;

/** What may wait in the socket: what it has taken cannot be overtaken any more. */
const highWater = 64 << 10;
/** When to look again, as a WebSocket does not say when it has sent something. */
const pollTime = 10;

/** The status of a code (clause 10.1). */
const firstStatus = 4000;

/** Makes a carrier of a socket that is open. */
function carry(socket: WebSocketLike): Carrier {
	let timer: ReturnType<typeof setTimeout> | undefined;
	const carrier: Carrier = {
		wire: 'websocket',
		independent: false,
		receiver: nobody,
		writable: () => {
			if (socket.bufferedAmount < highWater) return true;
			clearTimeout(timer);
			timer = setTimeout(() => carrier.receiver.ready(), pollTime);
			return false;
		},
		send: (_, b) => socket.send(b as Uint8Array<ArrayBuffer>),
		close: (code, reason) => socket.close(firstStatus + Math.min(code, 999), reason),
	};
	socket.onmessage = ({ data }: { data: unknown }) => {
		if (data instanceof ArrayBuffer) return carrier.receiver.frames(0, new Uint8Array(data));
		const { code, message } = violation(10.1);
		carrier.close(code, message);
		carrier.receiver.closed(code, message);
	};
	socket.onclose = ({ code, reason }: { code: number; reason: string }) => carrier.receiver.closed(code >= firstStatus ? code - firstStatus : undefined, reason);
	return carrier;
}

/** The WebSocket wire (clause 10.1). Without a class it takes the one that the platform has. */
export const webSocket = (WebSocket: WebSocketClass | undefined = (globalThis as { WebSocket?: WebSocketClass }).WebSocket): Wire => ({
	name: 'websocket',
	dial: ({ plaintext, host, path }, signal) =>
		new Promise((resolve, reject) => {
			if (!WebSocket) throw new TwinwireError(Code.NotImplemented, 'no WebSocket');
			const socket = new WebSocket(`${plaintext ? 'ws' : 'wss'}://${host}${path}`, 'twinwire.1');
			const off = whenAborted(signal, (why) => {
				reject(why);
				socket.close();
			});
			let why = 'WebSocket could not be opened';
			socket.binaryType = 'arraybuffer';
			socket.onerror = ({ message = why }: { message?: string }) => (why = message);
			socket.onclose = () => {
				off();
				reject(new TwinwireError(Code.Unavailable, why));
			};
			socket.onopen = () => {
				off();
				resolve(carry(socket));
			};
		}),
});
