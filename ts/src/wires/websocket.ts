import { aborted, Code, TwinwireError } from '../error.js';
import { type Carrier, nobody, type Receiver, type Target, type Wire } from './carrier.js';

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

class WebSocketCarrier implements Carrier {
	readonly wire = 'websocket';
	readonly independent = false;
	receiver: Receiver = nobody;
	private polling = false;
	private over = false;

	constructor(private readonly socket: WebSocketLike) {
		socket.onmessage = (event: { data: unknown }) => {
			if (this.over) return;
			if (event.data instanceof ArrayBuffer) this.receiver.frames(0, new Uint8Array(event.data));
			else this.end(Code.ProtocolError, 'text message', true);
		};
		socket.onclose = (event: { code: number; reason: string }) => this.end(event.code >= firstStatus ? event.code - firstStatus : undefined, event.reason, false);
		socket.onerror = null;
	}

	private end(code: number | undefined, reason: string, closes: boolean): void {
		if (this.over) return;
		if (closes) this.close(code ?? 0, reason);
		this.over = true;
		this.receiver.closed(code, reason);
	}

	writable(): boolean {
		if (this.socket.bufferedAmount < highWater) return true;
		if (!this.polling) {
			this.polling = true;
			setTimeout(() => {
				this.polling = false;
				if (!this.over) this.receiver.ready();
			}, pollTime);
		}
		return false;
	}

	send(_pipe: number, b: Uint8Array): void {
		if (!this.over) this.socket.send(b as Uint8Array<ArrayBuffer>);
	}

	close(code: number, reason: string): void {
		if (this.over) return;
		this.over = true;
		this.socket.close(firstStatus + Math.min(code, 999), reason);
	}
}

/** The WebSocket wire (clause 10.1). Without a class it takes the one that the platform has. */
export function webSocket(WebSocket: WebSocketClass | undefined = (globalThis as { WebSocket?: WebSocketClass }).WebSocket): Wire {
	return {
		name: 'websocket',
		dial: (target: Target, signal: AbortSignal) =>
			new Promise<Carrier>((resolve, reject) => {
				if (!WebSocket) throw new TwinwireError(Code.NotImplemented, 'this platform has no WebSocket: pass one');
				if (signal.aborted) throw aborted(signal);
				const socket = new WebSocket(`${target.plaintext ? 'ws' : 'wss'}://${target.host}${target.path}`, 'twinwire.1');
				socket.binaryType = 'arraybuffer';
				let why = '';
				const giveUp = (): void => {
					socket.onopen = socket.onclose = null;
					socket.onerror = () => {};
					socket.close();
					reject(aborted(signal));
				};
				signal.addEventListener('abort', giveUp, { once: true });
				socket.onerror = (event: { message?: string }) => (why = event.message ?? '');
				socket.onclose = () => {
					signal.removeEventListener('abort', giveUp);
					reject(new TwinwireError(Code.Unavailable, why || 'WebSocket could not be opened'));
				};
				socket.onopen = () => {
					signal.removeEventListener('abort', giveUp);
					resolve(new WebSocketCarrier(socket));
				};
			}),
	};
}
