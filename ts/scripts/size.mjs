// Fails if the client, with both wires and everything that a program may use
// of it, is over its budget: npm run size.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const budget = 28 * 1024;

const { outputFiles } = await build({ entryPoints: [new URL('../src/index.ts', import.meta.url).pathname], bundle: true, minify: true, format: 'esm', target: 'es2022', write: false });
const code = outputFiles[0].contents;
const size = gzipSync(code, { level: 9 }).length;
console.log(`${code.length} bytes minified, ${size} gzipped, of ${budget}`);
if (size > budget) process.exitCode = 1;
