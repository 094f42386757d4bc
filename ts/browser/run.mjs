// Runs page.ts in Chromium against the test server: npm run browser. It needs
// a Chromium, at CHROMIUM or /usr/bin/chromium.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { outputFiles } = await build({ entryPoints: [here('page.ts')], bundle: true, format: 'esm', target: 'es2022', write: false });

const pages = createServer((request, response) => {
	const script = request.url === '/page.js';
	response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html');
	response.end(script ? outputFiles[0].text : '<!doctype html><script type="module" src="/page.js"></script>');
});
await new Promise((resolve) => pages.listen(0, 'localhost', resolve));
const origin = `http://localhost:${pages.address().port}`;

const server = spawn(here('../build/testserver'), ['-origin', origin], { stdio: ['pipe', 'pipe', 'inherit'] });
const line = await new Promise((resolve) => createInterface({ input: server.stdout }).once('line', resolve));
const { tls, plain, hash } = JSON.parse(line);

const profile = mkdtempSync(join(tmpdir(), 'twinwire-'));
const browser = await chromium.launchPersistentContext(profile, {
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	headless: true,
	ignoreDefaultArgs: ['--disable-quic'],
	args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
	const page = await browser.newPage();
	page.on('console', (message) => console.log('page:', message.text()));
	page.on('pageerror', (err) => console.log('page:', err));
	await page.goto(origin);
	await page.waitForFunction(() => globalThis.run !== undefined);
	const start = Date.now();
	const done = await page.evaluate(([tls, plain, hash]) => globalThis.run(tls, plain, hash), [tls, plain, hash]);
	console.log(`${done.join(', ')}: ok in ${Date.now() - start} ms`);
} finally {
	await browser.close();
	server.stdin.end();
	pages.close();
	rmSync(profile, { recursive: true, force: true });
}
