// Fails if what a page uses of the client is over its budget: npm run size.
// With -v it says what each module takes of it.
import { gzipSync } from 'node:zlib';
import { bundle } from './bundle.mjs';

const budget = 16 * 1024;

const gzipped = (code) => gzipSync(code, { level: 9 }).length;

/** Returns how large a script is with those that it loads at once, gzipped: not with what it loads when that is needed. */
function loaded({ scripts, metafile }, entry) {
	const all = new Set([entry]);
	for (const name of all) for (const { kind, path } of metafile.outputs[`dist/${name}`].imports) if (kind === 'import-statement') all.add(path.slice('dist/'.length));
	return gzipped([...all].map((name) => scripts[name]).join(''));
}

const page = await bundle({ page: 'scripts/page.ts' });
const size = loaded(page, 'page.js');
console.log(`what a page loads: ${page.scripts['page.js'].length} bytes minified, ${size} gzipped, of ${budget}`);
console.log(`everything that twinwire exports: ${loaded(await bundle(), 'index.js')} gzipped`);
if (process.argv.includes('-v')) for (const [name, { bytesInOutput }] of Object.entries(page.metafile.outputs['dist/page.js'].inputs)) console.log(String(bytesInOutput).padStart(7), name);
if (size > budget) process.exitCode = 1;
