// Makes the scripts that the package ships: bundled, minified, and with short
// names for everything that is not public.
import { build } from 'esbuild';
import { minify } from 'terser';
import { keptNames } from './names.mjs';

const entries = { index: 'src/index.ts', codec: 'src/codec/index.ts', page: 'src/client/page.ts', compress: 'src/client/compress.ts', files: 'src/files/index.ts', newest: 'src/events/newest.ts', memory: 'src/wires/memory.ts' };

/** What is loaded only when it is needed. */
const later = { explain: 'src/wires/explain.ts' };

/** Names of few letters: longer ones, of which gzip makes less. */
const letters = 'tesirnaohlcfud';
const nth_identifier = {
	get(n) {
		let name = '';
		for (; n >= 0; n = Math.floor(n / letters.length) - 1) name += letters[n % letters.length];
		return name;
	},
};

/** Returns the scripts of entry points by name: those of the package, or another that uses them and is not bundled again. */
export async function bundle(entryPoints = entries) {
	const reserved = [...keptNames(Object.values(entries))];
	const { outputFiles, metafile } = await build({ entryPoints: { ...entryPoints, ...later }, bundle: true, splitting: true, format: 'esm', minifySyntax: true, target: 'es2022', outdir: 'dist', chunkNames: 'chunk-[hash]', write: false, metafile: true });
	const nameCache = {};
	const scripts = {};
	for (const { path, text } of outputFiles) {
		const { code } = await minify(text, { module: true, ecma: 2020, nameCache, compress: { passes: 4, unsafe_arrows: true, unsafe_methods: true, unsafe_comps: true, pure_getters: true, keep_fargs: false, inline: 1, lhs_constants: false }, mangle: { nth_identifier, properties: { nth_identifier, builtins: true, reserved, keep_quoted: true } }, format: { preserve_annotations: entryPoints === entries } });
		scripts[path.slice(path.lastIndexOf('/') + 1)] = code;
	}
	return { scripts, metafile };
}
