// node pack.js BOUND WEB DIST: combines the output of wasm-bindgen and the page, adds a content hash to file names, and
// prints sizes.

import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [bound, web, dist] = process.argv.slice(2);

// The page loads nothing from other hosts and sends nothing. Pictures and downloads may be blobs.
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data: blob:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

// Writes a file under a name with a hash of its content; returns the name.
function put(name, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 12);
  const end = extname(name);
  const hashed = `${basename(name, end)}-${hash}${end}`;
  writeFileSync(join(dist, hashed), content);
  return hashed;
}

const text = (path) => readFileSync(path, "utf8");
const program = readFileSync(join(bound, "remixmatch_bg.wasm"));
const programName = put("remixmatch.wasm", program);

// wasm-bindgen's output imports its own copy of web/browser.js: replace the path by the hashed name.
const browserName = put("browser.js", text(join(web, "browser.js")));
const glue = text(join(bound, "remixmatch.js"));
const snippet = /(from\s*['"])\.\/snippets\/[^'"]*\/web\/browser\.js(['"])/g;
if (!snippet.test(glue)) throw new Error("wasm-bindgen's glue does not import web/browser.js");
const glueName = put("remixmatch.js", glue.replace(snippet, `$1./${browserName}$2`));
const loaderName = put("loader.js", text(join(web, "loader.js")));
const main = text(join(web, "main.js"))
  .replace('"./remixmatch.js"', `"./${glueName}"`)
  .replace('"./loader.js"', `"./${loaderName}"`);
const mainName = put("main.js", main);
const styleName = put("style.css", text(join(web, "style.css")));
const iconName = put("icon.svg", text(join(web, "icon.svg")));
cpSync(join(web, "pictures"), join(dist, "pictures"), { recursive: true });

// The built-in data sets, in a folder with a hash of all of them.
const assets = join(web, "../assets");
const sets = readdirSync(assets, { recursive: true }).filter((name) => name.endsWith(".gz"));
const all = createHash("sha256");
for (const name of sets.sort()) all.update(name).update(readFileSync(join(assets, name)));
const setsName = `data-${all.digest("hex").slice(0, 12)}`;
for (const name of sets) cpSync(join(assets, name), join(dist, setsName, name));

const preload = [glueName, loaderName, browserName].map((name) => `<link rel="modulepreload" href="./${name}" />`);
const head = {
  css: `<link rel="stylesheet" href="./${styleName}" />`,
  icon: `<link rel="icon" href="./${iconName}" />`,
  "copy-dir": "",
  rust: [
    ...preload,
    `<script type="module" src="./${mainName}" data-program="./${programName}" data-size="${program.length}" data-sets="./${setsName}"></script>`,
  ].join("\n    "),
};
const page = text(join(web, "index.html"))
  .replace(/^\s*<meta charset.*$/m, (line) => `${line}\n    <meta http-equiv="Content-Security-Policy" content="${POLICY}" />`)
  .replace(/ *<link data-trunk rel="([^"]*)"[^>]*>\n/g, (_, kind) => (head[kind] ? `    ${head[kind]}\n` : ""));
writeFileSync(join(dist, "index.html"), page);

const best = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
const sizes = (names) => {
  const files = names.map((name) => readFileSync(join(dist, name)));
  const sum = (f) => files.reduce((total, file) => total + f(file).length, 0);
  return [sum((file) => file), sum((file) => gzipSync(file, { level: 9 })), sum((file) => brotliCompressSync(file, best))];
};
const scripts = readdirSync(dist).filter((name) => name.endsWith(".js"));
const row = (label, names) => {
  const cells = sizes(names).map((bytes) => `${(bytes / 1e6).toFixed(3)} MB`.padStart(12));
  console.log(label.padEnd(12) + cells.join(""));
};
console.log("".padEnd(12) + ["raw", "gzip", "brotli"].map((title) => title.padStart(12)).join(""));
row("WASM", [programName]);
row("JavaScript", scripts);
row("both", [programName, ...scripts]);
