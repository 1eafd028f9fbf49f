// Bundles src/ into dist/ and fails when the whole page is over its budget.
import { build } from 'esbuild';
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';

const kBudgetBytes = 80 * 1024;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

rmSync(here('dist'), { recursive: true, force: true });
mkdirSync(here('dist'));

await build({
  absWorkingDir: here('.'),
  entryPoints: [
    { in: 'src/main.tsx', out: 'app' },
    { in: 'src/style/app.css', out: 'app' },
    { in: 'src/theme_boot.ts', out: 'theme' },
  ],
  outdir: 'dist',
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2020',
  charset: 'utf8',
  legalComments: 'none',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  logLevel: 'warning',
  logLimit: 5,
});
for (const name of ['index.html', 'favicon.svg']) copyFileSync(here(`static/${name}`), here(`dist/${name}`));

let total = 0;
for (const name of ['index.html', 'app.js', 'app.css', 'theme.js', 'favicon.svg']) {
  const bytes = readFileSync(here(`dist/${name}`));
  const packed = gzipSync(bytes, { level: 9 }).length;
  total += packed;
  console.log(`${name.padEnd(12)} ${String(bytes.length).padStart(7)} B  ${String(packed).padStart(6)} B gzip`);
}
console.log(`total ${(total / 1024).toFixed(1)} KiB gzip of ${kBudgetBytes / 1024} KiB`);
if (total > kBudgetBytes) {
  console.error('The dashboard is over its budget.');
  process.exit(1);
}
