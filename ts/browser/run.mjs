// Runs page.ts in Chromium: npm run browser. It needs a Chromium, at CHROMIUM
// or /usr/bin/chromium.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { makeWorld } from './world.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
// The client is the one that is shipped, minified and with short names.
const entries = { 'src/index.js': 'index', 'src/codec/index.js': 'codec', 'src/client/page.js': 'page', 'src/events/newest.js': 'newest', 'src/files/index.js': 'files' };
const shipped = { name: 'shipped', setup: (b) => b.onResolve({ filter: /^\.\.\/src\// }, ({ path }) => ({ path: here(`../dist/${entries[path.slice(3)]}.js`) })) };
const { outputFiles } = await build({ entryPoints: [here('page.ts')], bundle: true, splitting: true, format: 'esm', target: 'es2022', outdir: here('.'), write: false, logLevel: 'error', plugins: [shipped] });
const world = await makeWorld(here('../build/testserver'), {
	'/': { type: 'text/html', text: '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>' },
	...Object.fromEntries(outputFiles.map(({ path, text }) => [`/${basename(path)}`, { type: 'text/javascript', text }])),
	'/scenario.json': { type: 'application/json', text: readFileSync(here('../../internal/conformance/testdata/scenario.json')) },
});
await world.start();

const profile = mkdtempSync(join(tmpdir(), 'twinwire-'));
const browser = await chromium.launchPersistentContext(profile, {
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	headless: true,
	ignoreDefaultArgs: ['--disable-quic'],
	args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
let failed = 0;
try {
	for (const [origin, proofs] of [[world.origin, 'proofs'], [world.other, 'strangers']]) {
		const page = await browser.newPage();
		page.on('console', (message) => console.log('page:', message.text()));
		page.on('pageerror', (err) => console.log('page:', err));
		await page.goto(origin);
		await page.waitForFunction((proofs) => globalThis[proofs] !== undefined, proofs);
		for (const name of await page.evaluate((proofs) => Object.keys(globalThis[proofs]), proofs)) {
			const start = Date.now();
			let why = 'ok';
			try {
				await page.evaluate(([proofs, name, address]) => globalThis[proofs][name](address), [proofs, name, `127.0.0.1:${world.udp}`]);
			} catch (err) {
				failed++;
				why = err.stack;
			}
			console.log(`${name}: ${why} (${Date.now() - start} ms)`);
		}
	}
} finally {
	await browser.close();
	await world.close();
	rmSync(profile, { recursive: true, force: true });
}
if (failed > 0) process.exit(1);
