// Writes dist: npm run build.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { bundle } from './bundle.mjs';

rmSync('dist', { recursive: true, force: true });
const { status } = spawnSync('npx', ['tsc', '-p', 'tsconfig.json', '--emitDeclarationOnly', '--stripInternal'], { stdio: 'inherit' });
if (status !== 0) process.exit(1);
mkdirSync('dist', { recursive: true });
const { scripts } = await bundle();
for (const [name, code] of Object.entries(scripts)) writeFileSync(`dist/${name}`, code);
