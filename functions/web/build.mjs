// Builds dist/ from src/: node build.mjs. With --check it builds into memory and
// fails where dist/ differs: what is served is what stands in src/.
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, "dist");
/** The <script> build may have this many bytes, compressed. */
const limit = 200 * 1024;

const common = {
  bundle: true, write: false, target: "es2022", absWorkingDir: root, legalComments: "none", logLevel: "warning",
  define: { "process.env.NODE_ENV": '"production"' },
  alias: { re2js: "./src/no-regex.ts" },
};
const licence = "/*! Doorbell. Apache License 2.0. Contains the Firebase JS SDK, Copyright Google LLC, Apache License 2.0. */";

async function files() {
  const made = new Map();
  const add = (name, result) => made.set(name, result.outputFiles[0].contents);
  add("doorbell.js", await build({
    ...common, entryPoints: ["src/script.ts"], format: "iife", minify: true, banner: { js: licence },
    logOverride: { "empty-import-meta": "silent" },
  }));
  add("doorbell.mjs", await build({ ...common, entryPoints: ["src/index.ts"], format: "esm", minify: true, banner: { js: licence } }));
  add("firebase-messaging-sw.js", await build({
    ...common, entryPoints: ["src/worker/worker.ts"], format: "iife", banner: { js: "// Doorbell's service worker: copy it to your site's root. Apache License 2.0." },
    footer: { js: readFileSync(join(root, "src/worker/footer.js"), "utf8") },
  }));
  const types = mkdtempSync(join(tmpdir(), "doorbell-types-"));
  try {
    execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", root, "--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--outDir", types], { stdio: "inherit" });
    for (const name of reachable(types)) made.set(`types/${name}`, readFileSync(join(types, name)));
  } finally {
    rmSync(types, { recursive: true });
  }
  return made;
}

/** reachable is the declarations that index.d.ts needs. */
function reachable(dir) {
  const found = new Set(["index.d.ts"]);
  for (const name of found) {
    for (const [, needed] of readFileSync(join(dir, name), "utf8").matchAll(/(?:from|import\() ?"\.\/([\w-]+)\.js"/g)) found.add(`${needed}.d.ts`);
  }
  return [...found];
}

function built() {
  try {
    return readdirSync(dist, { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).map((e) => relative(dist, join(e.parentPath, e.name)));
  } catch {
    return [];
  }
}

const made = await files();
const size = gzipSync(made.get("doorbell.js"), { level: 9 }).length;
console.log(`doorbell.js: ${(made.get("doorbell.js").length / 1024).toFixed(0)} KB, ${(size / 1024).toFixed(1)} KB gzip (at most ${limit / 1024})`);
if (size >= limit) throw new Error("doorbell.js is too large");

if (process.argv.includes("--check")) {
  const stale = [...made].filter(([name, contents]) => !same(join(dist, name), contents)).map(([name]) => name);
  stale.push(...built().filter((name) => !made.has(name)));
  if (stale.length > 0) {
    console.error(`dist/ is not what src/ builds: ${stale.sort().join(", ")}\nnpm run build in functions/web makes it, to be committed with the change`);
    process.exit(1);
  }
} else {
  rmSync(dist, { recursive: true, force: true });
  for (const [name, contents] of made) {
    mkdirSync(dirname(join(dist, name)), { recursive: true });
    writeFileSync(join(dist, name), contents);
  }
}

function same(path, contents) {
  try {
    return readFileSync(path).equals(contents);
  } catch {
    return false;
  }
}
