// The scenario of internal/conformance, in Node, over both forms of WebSocket.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { deflate } from '../src/client/compress.js';
import { connect, type Wire, webSocket } from '../src/index.js';
import { play, type Step, visitor } from './scenario.js';
import { sockets, start } from './server.js';

const steps = JSON.parse(readFileSync(new URL('../../../internal/conformance/testdata/scenario.json', import.meta.url), 'utf8')) as Step[];

for (const scheme of ['ws', 'wss']) {
	it(`plays the scenario over ${scheme}`, { timeout: 30_000 }, async () => {
		await using server = await start('-cuts');
		const address = scheme === 'ws' ? server.plain : server.tls;
		await using s = await connect(`${scheme}://${address}`, { WebSocket: sockets(server.certificate).WebSocket, handlers: visitor });
		await play(s, steps);
	});
}

it('plays the scenario compressed (clause 16)', { timeout: 30_000 }, async () => {
	await using server = await start();
	const bytes = async (compressed: boolean): Promise<number[]> => {
		let [up, down] = [0, 0];
		const socket = webSocket(sockets().WebSocket);
		const counting: Wire = {
			name: socket.name,
			dial: async (target, signal) => {
				const carrier = await socket.dial(target, signal);
				const { send } = carrier;
				carrier.send = (pipe, b) => {
					up += b.length;
					send(pipe, b);
				};
				let { receiver } = carrier;
				Object.defineProperty(carrier, 'receiver', {
					get: () => ({ ...receiver, frames: (pipe: number, b: Uint8Array) => ((down += b.length), receiver.frames(pipe, b)) }),
					set: (r: typeof receiver) => (receiver = r),
				});
				return carrier;
			},
		};
		await using s = await connect(`ws://${server.plain}`, { wires: [counting], ...(compressed && { compression: deflate() }) });
		await play(s, steps.filter((step) => step.do === 'echo' || step.do === 'divide' || step.do === 'count' || step.do === 'events'));
		return [up, down];
	};
	const [plain, small] = [await bytes(false), await bytes(true)];
	for (const i of [0, 1]) assert.ok((small[i] as number) < 0.2 * (plain[i] as number), `${small} in place of ${plain}`);
});
