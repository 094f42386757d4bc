// What the page meets: the test server, which can be killed and started again,
// and the ways to it, which can be cut and blocked.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { request } from 'node:https';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const local = '127.0.0.1';

/** Serves files by path at two origins; pages from the first are welcome to the server. */
export async function makeWorld(binary, files) {
	let server; // and what it says of itself
	let blocked = false;
	const flows = new Map(); // of UDP, by the client's port; undefined for one that was cut
	const sockets = new Set();

	const relay = createSocket('udp4');
	relay.on('message', (b, { port }) => {
		if (blocked || !server) return;
		if (!flows.has(port)) {
			const up = createSocket('udp4');
			up.on('message', (b) => flows.get(port) === up && !blocked && relay.send(b, port, local));
			up.on('error', () => {}); // the server is not there
			flows.set(port, up);
		}
		flows.get(port)?.send(b, server.udp, local);
	});
	await new Promise((resolve) => relay.bind(0, local, resolve));
	const udp = relay.address().port;

	const world = {
		udp,
		async start() {
			const child = spawn(binary, ['-origin', world.origin, '-cuts'], { stdio: ['pipe', 'pipe', 'inherit'] });
			const line = await new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
			const { plain, tls, hash } = JSON.parse(line);
			server = { child, tcp: Number(plain.split(':').at(-1)), udp: Number(tls.split(':').at(-1)), hash };
		},
		async kill() {
			const { child } = server;
			server = undefined;
			const exited = new Promise((resolve) => child.once('exit', resolve));
			child.kill('SIGKILL');
			await exited;
			await world.cut();
		},
		/** Has the server close what it has, and end. */
		async stop() {
			const { child } = server;
			const exited = new Promise((resolve) => child.once('exit', resolve));
			child.stdin.end();
			await exited;
			server = undefined;
			await world.cut();
		},
		/** Ends what runs over either wire, without a word. */
		async cut() {
			for (const [port, flow] of flows) {
				flow?.close();
				flows.set(port, undefined);
			}
			for (const s of sockets) s.destroy();
		},
		async block() {
			blocked = true;
		},
		async unblock() {
			blocked = false;
		},
		async hash() {
			return server.hash;
		},
		async close() {
			await world.kill();
			for (const s of [relay, pages, others]) s.close();
			pages.closeAllConnections();
			others.closeAllConnections();
		},
	};

	/** Asks the server what pages of its own want to know, and has them take the relay. */
	function directions(response) {
		const headers = { Host: `localhost:${server?.udp}` };
		const ask = request({ host: local, port: server?.udp, path: '/.well-known/twinwire', headers, rejectUnauthorized: false }, async (r) => {
			let text = '';
			for await (const b of r) text += b;
			const told = JSON.parse(text);
			told.webtransport.url = told.webtransport.url.replace(/:\d+\//, `:${udp}/`);
			response.end(JSON.stringify(told));
		});
		ask.on('error', () => response.writeHead(502).end());
		ask.end();
	}

	function serve() {
		const s = createServer(async ({ url }, response) => {
			const order = /^\/world\/(\w+)$/.exec(url)?.[1];
			if (order) response.end(String(await world[order]()));
			else if (url === '/.well-known/twinwire') directions(response);
			else if (url in files) response.writeHead(200, { 'Content-Type': files[url].type }).end(files[url].text);
			else response.writeHead(404).end();
		});
		s.on('upgrade', ({ method, url, rawHeaders }, client) => {
			if (!server) return client.destroy();
			const up = connect(server.tcp, local);
			let head = `${method} ${url} HTTP/1.1\r\n`;
			for (let i = 0; i < rawHeaders.length; i += 2) head += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
			up.write(`${head}\r\n`);
			for (const [a, b] of [[client, up], [up, client]]) {
				sockets.add(a);
				a.pipe(b);
				a.on('error', () => {});
				a.on('close', () => {
					sockets.delete(a);
					b.destroy();
				});
			}
		});
		return s;
	}
	const pages = serve();
	const others = serve();
	for (const s of [pages, others]) await new Promise((resolve) => s.listen(0, local, resolve));
	world.origin = `http://${local}:${pages.address().port}`;
	world.other = `http://${local}:${others.address().port}`;
	return world;
}
