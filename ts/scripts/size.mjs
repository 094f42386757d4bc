// Fails if what a page uses of the client is over its budget: npm run size.
// With -v it says what each module takes of it.
import { gzipSync } from 'node:zlib';
import { bundle } from './bundle.mjs';

const budget = 17.25 * 1024;

const gzipped = (code) => gzipSync(code, { level: 9 }).length;

const { scripts, metafile } = await bundle({ page: 'scripts/page.ts' });
const size = gzipped(scripts['page.js']);
console.log(`what a page loads: ${scripts['page.js'].length} bytes minified, ${size} gzipped, of ${budget}`);
const all = await bundle();
console.log(`everything that twinwire exports: ${gzipped(all.scripts['index.js'] + Object.entries(all.scripts).filter(([name]) => name.startsWith('chunk')).map(([, code]) => code).join(''))} gzipped`);
if (process.argv.includes('-v')) for (const [name, { bytesInOutput }] of Object.entries(Object.values(metafile.outputs)[0].inputs)) console.log(String(bytesInOutput).padStart(7), name);
if (size > budget) process.exitCode = 1;
