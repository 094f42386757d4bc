// Measures in Chromium how soon a page has the answer to its first call, over
// WebTransport and over WebSocket in turns, both with TLS 1.3, and how long calls
// take: npm run bench:browser. It needs a Chromium, at CHROMIUM or
// /usr/bin/chromium.
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

const pages = createServer(({ url }, response) => {
	const script = url === '/page.js';
	response.writeHead(200, { 'Content-Type': script ? 'text/javascript' : 'text/html', 'Cache-Control': 'no-store' }).end(script ? outputFiles[0].text : '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>');
});
await new Promise((resolve) => pages.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${pages.address().port}`;
const server = spawn(here('../build/testserver'), ['-origin', origin], { stdio: ['pipe', 'pipe', 'inherit'] });
const { tls, hash, certificate } = JSON.parse(await new Promise((resolve) => createInterface({ input: server.stdout }).once('line', resolve)));
const key = createHash('sha256').update(new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })).digest('base64');

const profile = mkdtempSync(join(tmpdir(), 'twinwire-'));
const browser = await chromium.launchPersistentContext(profile, {
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	headless: true,
	ignoreDefaultArgs: ['--disable-quic'],
	args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', `--ignore-certificate-errors-spki-list=${key}`],
});
const median = (v) => v.slice().sort((a, b) => a - b)[v.length >> 1];
const got = { webtransport: [], websocket: [] };
try {
	const page = await browser.newPage();
	// The first navigation of a browser is like no other.
	for (let round = -1; round < rounds; round++) {
		for (const wire of Object.keys(got)) {
			await page.goto(`${origin}/?${new URLSearchParams({ wire, hash, address: tls })}`);
			const one = await page.evaluate(() => globalThis.measured);
			if (round >= 0) got[wire].push(one);
		}
	}
} finally {
	await browser.close();
	server.kill();
	pages.close();
	rmSync(profile, { recursive: true, force: true });
}
const all = {};
for (const [wire, v] of Object.entries(got)) {
	all[wire] = { first: median(v.map((one) => one.first)), trip: median(v.map((one) => one.trip)) };
	console.log('%s first call after navigation %s ms, round trip %s ms (medians of %d navigations)', wire.padEnd(12), all[wire].first.toFixed(1), all[wire].trip.toFixed(2), rounds);
}
console.log('first call: WebTransport takes %s times as long as WebSocket (bar 1.5)', (all.webtransport.first / all.websocket.first).toFixed(2));
