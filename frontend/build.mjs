// Builds everything that the staff pages load and that is not written by hand:
//   static/vendor/*.js, *.css   bpmn-js, CodeMirror 6 and htmx, minified
//   static/vendor/LICENSES.txt  the licence text of every package that ended up in a bundle
//   static/vendor/manifest.json hashes: of package-lock.json (a test compares it) and of each file
//   static/design/icons.svg     the Material Symbols named in icons.txt, as one sprite
//   static/design/fonts/*.woff2 Inter and JetBrains Mono, cut down to the Latin, Greek and Cyrillic scripts
// Run with: npm ci && npm run build. The output is committed, so nobody else needs Node.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import subsetFont from 'subset-font';

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, 'node_modules');
const vendor = join(here, '..', 'static', 'vendor');
const design = join(here, '..', 'static', 'design');
mkdirSync(vendor, { recursive: true });
mkdirSync(join(design, 'fonts'), { recursive: true });
const written = [];
const write = (path, content) => { writeFileSync(path, content); written.push(path); };

// ---------- bundles ----------
const banner = name => ({ js: `/*! ${name}. Licences: LICENSES.txt beside this file. */` });
const packages = new Set();

async function bundle(entry, out) {
  const result = await build({
    entryPoints: [join(here, 'src', entry)], bundle: true, minify: true, format: 'esm', target: 'es2022', legalComments: 'none',
    banner: banner(out.replace('.js', '')), write: false, metafile: true, absWorkingDir: here, outfile: join(vendor, out),
  });
  for (const input of Object.keys(result.metafile.inputs)) {
    const found = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/);
    if (found) packages.add(found[1]);
  }
  write(join(vendor, out), result.outputFiles[0].contents);
}

await bundle('bpmn.js', 'bpmn.js');
await bundle('codemirror.js', 'codemirror.js');

packages.add('htmx.org');
write(join(vendor, 'htmx.js'), readFileSync(join(modules, 'htmx.org/dist/htmx.min.js')));

const styles = ['diagram-js.css', 'bpmn-js.css'].map(f => readFileSync(join(modules, 'bpmn-js/dist/assets', f), 'utf8')).join('\n');
const css = await build({ stdin: { contents: styles, loader: 'css' }, minify: true, write: false });
write(join(vendor, 'bpmn.css'), css.outputFiles[0].contents);

// ---------- icons ----------
packages.add('@material-symbols/svg-400');
const names = readFileSync(join(here, 'icons.txt'), 'utf8').split('\n').filter(Boolean);
const symbol = name => {
  const svg = readFileSync(join(modules, '@material-symbols/svg-400/outlined', `${name}.svg`), 'utf8');
  return `<symbol id="${name}" viewBox="0 -960 960 960">${svg.match(/<path[^>]*\/>/g).join('')}</symbol>`;
};
write(join(design, 'icons.svg'), `<svg xmlns="http://www.w3.org/2000/svg">\n<!-- Material Symbols Outlined, Apache-2.0. Built by frontend/build.mjs from frontend/icons.txt. -->\n${names.map(symbol).join('\n')}\n</svg>\n`);

// ---------- fonts ----------
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => String.fromCodePoint(from + n)).join('');
const letters = range(0x20, 0x7e) + range(0xa0, 0x24f) + range(0x300, 0x36f) + range(0x370, 0x3ff) + range(0x400, 0x45f) + range(0x1e00, 0x1eff)
  + range(0x2010, 0x2044) + range(0x20a0, 0x20c0) + range(0x2190, 0x21ff) + range(0x2200, 0x22ff) + '…™№℃◼✓×';
packages.add('inter-ui');
const inter = readFileSync(join(modules, 'inter-ui/variable/InterVariable.woff2'));
write(join(design, 'fonts/inter.woff2'), await subsetFont(inter, letters, { targetFormat: 'woff2', variationAxes: { opsz: 14, wght: { min: 400, max: 700 } } }));
packages.add('@fontsource-variable/jetbrains-mono');
for (const set of ['latin', 'latin-ext', 'greek', 'cyrillic']) {
  const file = join(modules, '@fontsource-variable/jetbrains-mono/files', `jetbrains-mono-${set}-wght-normal.woff2`);
  write(join(design, `fonts/jetbrains-mono-${set}.woff2`), readFileSync(file));
}

// ---------- licences and hashes ----------
const text = [...packages].sort().map(name => {
  const folder = join(modules, name);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find(f => /^(licen[cs]e|copying)/i.test(f));
  const licence = file ? readFileSync(join(folder, file), 'utf8').trim() : `Licence: ${license}`;
  return `${'='.repeat(80)}\n${name} ${version} (${license})\n${'='.repeat(80)}\n${licence}\n`;
});
write(join(vendor, 'LICENSES.txt'), text.join('\n'));

const sha256 = path => createHash('sha256').update(readFileSync(path)).digest('hex');
const manifest = {
  note: 'Written by frontend/build.mjs. A test compares these hashes, so that the committed bundle matches package-lock.json.',
  'package-lock.json': sha256(join(here, 'package-lock.json')),
  files: Object.fromEntries(written.map(path => [`${basename(dirname(path))}/${basename(path)}`, sha256(path)]).sort()),
};
writeFileSync(join(vendor, 'manifest.json'), JSON.stringify(manifest, null, 2) + '\n');
console.log(written.map(path => `${(readFileSync(path).length / 1024).toFixed(0).padStart(6)} KiB  ${path.replace(join(here, '..') + '/', '')}`).join('\n'));
