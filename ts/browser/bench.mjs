// Measures in Chromium how soon a page has the answer to its first call, over
// WebTransport and over WebSocket in turns, both with TLS 1.3, and how long calls
// take beside a bare echo over the same wire: npm run bench:browser. It needs a
// Chromium, at CHROMIUM or /usr/bin/chromium.
import { spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const rounds = Number(process.argv[2] ?? 15);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const entries = { 'src/index.js': 'index', 'src/codec/index.js': 'codec' };
const shipped = { name: 'shipped', setup: (b) => b.onResolve({ filter: /^\.\.\/src\// }, ({ path }) => ({ path: here(`../dist/${entries[path.slice(3)]}.js`) })) };
const { outputFiles } = await build({ entryPoints: [here('timing.ts')], bundle: true, minify: true, format: 'esm', target: 'es2022', write: false, logLevel: 'error', plugins: [shipped] });

// A page that is isolated has a clock of 5 µs, others have one of 100.
const isolated = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
const pages = createServer(({ url }, response) => {
	const script = url === '/page.js';
	response.writeHead(200, { ...isolated, 'Content-Type': script ? 'text/javascript' : 'text/html', 'Cache-Control': 'no-store' }).end(script ? outputFiles[0].text : '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>');
});
await new Promise((resolve) => pages.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${pages.address().port}`;
/** Starts a server, which says in a line where it is. */
async function start(name, ...args) {
	const child = spawn(here(`../build/${name}`), args, { stdio: ['pipe', 'pipe', 'inherit'] });
	return { child, ...JSON.parse(await new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve))) };
}
const server = await start('testserver', '-origin', origin);
const echo = await start('echo');
const keyOf = ({ certificate }) => createHash('sha256').update(new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })).digest('base64');

const profile = mkdtempSync(join(tmpdir(), 'twinwire-'));
const browser = await chromium.launchPersistentContext(profile, {
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	headless: true,
	ignoreDefaultArgs: ['--disable-quic'],
	args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', `--ignore-certificate-errors-spki-list=${keyOf(server)},${keyOf(echo)}`],
});
const median = (v) => v.slice().sort((a, b) => a - b)[v.length >> 1];
const got = { webtransport: [], websocket: [] };
try {
	const page = await browser.newPage();
	// The first navigation of a browser is like no other.
	for (let round = -1; round < rounds; round++) {
		for (const wire of Object.keys(got)) {
			await page.goto(`${origin}/?${new URLSearchParams({ wire, hash: server.hash, address: server.tls, bare: echo[wire], bareHash: echo.hash })}`);
			const one = await page.evaluate(() => globalThis.measured);
			if (round >= 0) got[wire].push(one);
		}
	}
} finally {
	await browser.close();
	server.child.kill();
	echo.child.kill();
	pages.close();
	rmSync(profile, { recursive: true, force: true });
}
const ms = (v) => `${v.toFixed(2)} ms`;
const holds = (v, bar) => (v <= bar ? 'holds' : 'is missed');
const all = {};
for (const [wire, v] of Object.entries(got)) {
	const of = (key) => median(v.map((one) => one[key]));
	const more = median(v.map((one) => one.trip - one.bare));
	all[wire] = { first: of('first'), more };
	console.log('%s first call after navigation %s; round trip p50 of a call %s, of a bare echo %s: %s more (medians of %d navigations)', wire.padEnd(12), ms(of('first')), ms(of('trip')), ms(of('bare')), ms(more), rounds);
}
const { webtransport, websocket } = all;
const times = webtransport.first / websocket.first;
console.log('first call: WebTransport takes %s times as long as WebSocket; the bar of 1.5 %s', times.toFixed(2), holds(times, 1.5));
console.log('round trip: a call over WebTransport takes %s more than a bare echo; the bar of 0.3 ms %s', ms(webtransport.more), holds(webtransport.more, 0.3));
