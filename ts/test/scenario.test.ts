// The scenario of internal/conformance, in Node, over both forms of WebSocket.
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { connect } from '../src/index.js';
import { play, type Step } from './scenario.js';
import { sockets, start } from './server.js';

const steps = JSON.parse(readFileSync(new URL('../../../internal/conformance/testdata/scenario.json', import.meta.url), 'utf8')) as Step[];

for (const scheme of ['ws', 'wss']) {
	it(`plays the scenario over ${scheme}`, { timeout: 30_000 }, async () => {
		await using server = await start();
		const address = scheme === 'ws' ? server.plain : server.tls;
		await using s = await connect(`${scheme}://${address}`, { WebSocket: sockets(server.certificate).WebSocket });
		await play(s, steps);
	});
}
