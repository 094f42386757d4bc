// Runs the Go server of ts/testserver.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import type { WebSocketClass } from '../src/index.js';

/** npm test has built it. */
const binary = fileURLToPath(new URL('../testserver', import.meta.url));

export interface TestServer extends AsyncDisposable {
	readonly plain: string;
	readonly tls: string;
	readonly certificate: string;
	readonly hash: string;
}

/** Starts a server, and ends it when it is disposed of. */
export async function start(...args: string[]): Promise<TestServer> {
	const child: ChildProcess = spawn(binary, args, { stdio: ['pipe', 'pipe', 'inherit'] });
	const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
	const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
	const line = await new Promise<string>((resolve, reject) => {
		lines.once('line', resolve);
		child.once('exit', (code) => reject(new Error(`test server ended with ${code}`)));
	});
	return {
		...(JSON.parse(line) as { plain: string; tls: string; certificate: string; hash: string }),
		[Symbol.asyncDispose]: async () => {
			child.stdin?.end();
			await exited;
		},
	};
}

/** WebSockets that can be cut. */
export interface Sockets {
	readonly WebSocket: WebSocketClass;
	/** Breaks all connections, without a word. */
	cut(): void;
	/** Refuses new ones for as long as it is set. */
	down: boolean;
	opened: number;
}

export function sockets(ca?: string): Sockets {
	const open = new Set<WebSocket>();
	const all: Sockets = {
		down: false,
		opened: 0,
		cut: () => {
			for (const s of open) s.terminate();
		},
		WebSocket: class extends WebSocket {
			constructor(url: string, protocols: string) {
				super(all.down ? url.replace(/:\d+/, ':1') : url, protocols, { perMessageDeflate: false, ...(ca && { ca }) });
				all.opened++;
				open.add(this);
				this.on('close', () => open.delete(this));
			}
		} as unknown as WebSocketClass,
	};
	return all;
}
