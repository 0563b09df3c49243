// Bundles the tests, which are TypeScript, and runs them with node --test. The
// Firebase SDK is replaced by test/fakes: it wants a browser and a network.
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const out = join(root, "node_modules", ".test");
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const names = readdirSync(join(root, "test")).filter((name) => name.endsWith(".test.ts"));
await build({
  absWorkingDir: root, entryPoints: names.map((name) => `test/${name}`), outdir: out, outExtension: { ".js": ".mjs" },
  bundle: true, platform: "node", format: "esm", target: "node20", sourcemap: "inline", logLevel: "warning",
  external: ["fake-indexeddb", "quicktype-core"],
  alias: Object.fromEntries(["app", "app-check", "auth", "firestore", "messaging"].map((part) => [`firebase/${part}`, `./test/fakes/firebase.ts`])),
});
const files = names.map((name) => join(out, name.replace(/\.ts$/, ".mjs")));
const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", "--test-reporter=dot", ...process.argv.slice(2), ...files], { cwd: root, stdio: "inherit" });
process.exit(status ?? 1);
