import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { InputData, JSONSchemaInput, quicktype, type Options } from "quicktype-core";

interface Schema { $ref?: string; type?: unknown; properties?: Record<string, Schema>; required?: string[]; additionalProperties?: Schema | boolean; items?: Schema }
interface Content { content?: { "application/json"?: { schema: Schema } } }
interface Operation { requestBody?: Content; responses: Record<string, Content> }

const text = readFileSync("api/openapi.json", "utf8");
const api = JSON.parse(text) as { paths: Record<string, Record<string, Operation>>; components: { schemas: Record<string, Schema> } };

/** What requests and answers are made of, by the types' names. */
const bodies = new Set(Object.values(api.paths).flatMap((of) => Object.entries(of))
  .filter(([method]) => method !== "parameters")
  .flatMap(([, operation]) => [operation.requestBody, operation.responses["200"]])
  .map((of) => of?.content?.["application/json"]?.schema.$ref?.split("/").at(-1))
  .filter((name) => name !== undefined));

/** takesAny reports whether a schema is, or holds, any value whatever. */
function takesAny(s: Schema | boolean): boolean {
  if (typeof s === "boolean") return s;
  const of = s.additionalProperties ?? s.items;
  return of === undefined ? !s.$ref && (s.type === undefined || s.type === "object" && !s.properties) : takesAny(of);
}

/** anything is the fields that are. */
const anything = new Set(Object.values(api.components.schemas).flatMap((s) => Object.entries(s.properties ?? {}))
  .filter(([, s]) => takesAny(s)).map(([name]) => name));

/** generate is the types of a language. What the generator isn't sure of is an error, but for what is any value on purpose. */
async function generate(lang: "kotlin" | "swift", rendererOptions: Options["rendererOptions"]): Promise<string> {
  const input = new JSONSchemaInput(undefined);
  for (const name of bodies) await input.addSource({ name, uris: [`#/components/schemas/${name}`], schema: text });
  const inputData = new InputData();
  inputData.addInput(input);
  const { lines, annotations } = await quicktype({ inputData, lang, rendererOptions });
  for (const { span } of annotations) {
    const line = lines[span.start.line]!;
    assert(anything.has(/(\w+):/.exec(line)?.[1] ?? ""), `what is ${line}`);
  }
  return lines.join("\n");
}

/** declared is a type's declaration in a text, up to the end that is alone in its line. */
function declared(generated: string, begin: string, end: string): string {
  const at = generated.indexOf(`\n${begin}`);
  assert.notEqual(at, -1, `there is no ${begin}`);
  return generated.slice(at, generated.indexOf(`\n${end}`, at + 1));
}

test("Kotlin's types of all requests and answers are generated from the API's description", async () => {
  const kotlin = await generate("kotlin", { "just-types": true, package: "doorbell" });
  assert(bodies.size > 60, `${bodies.size} types`);
  for (const name of bodies) {
    const { properties = {}, required = [] } = api.components.schemas[name]!;
    if (Object.keys(properties).length === 0) continue; // quicktype makes a map of it
    const type = declared(kotlin, `data class ${name} (`, ")");
    const fields = [...type.matchAll(/^ {4}val (\w+): ([^=\n]*?)( = null)?,?$/gm)].map(([, field, , absent]) => `${field} ${absent ? "may be left out" : "required"}`);
    assert.deepEqual(fields.sort(), Object.keys(properties).map((field) => `${field} ${required.includes(field) ? "required" : "may be left out"}`).sort(), name);
  }
});

test("Kotlin's compile", async (t) => {
  try {
    await promisify(execFile)("kotlinc", ["-version"]);
  } catch {
    t.skip("there is no kotlinc; apt-get install kotlin installs one");
    return;
  }
  const dir = mkdtempSync(join(tmpdir(), "doorbell-kotlin-"));
  t.after(() => { rmSync(dir, { recursive: true }); });
  const file = join(dir, "Doorbell.kt");
  writeFileSync(file, await generate("kotlin", { "just-types": true, package: "doorbell" }));
  await promisify(execFile)("kotlinc", [file, "-d", join(dir, "out")]); // what it prints is in the error
});

test("Swift's types of all requests and answers are generated from the API's description", async () => {
  const swift = await generate("swift", {});
  for (const name of bodies) {
    const { properties = {}, required = [] } = api.components.schemas[name]!;
    if (Object.keys(properties).length === 0) continue;
    const type = declared(swift, `struct ${name}: Codable {`, "}");
    const fields = [...type.matchAll(/^ {4}let (\w+): (\S.*)$/gm)].map(([, field, is]) => `${field} ${is!.endsWith("?") ? "may be left out" : "required"}`);
    assert.deepEqual(fields.sort(), Object.keys(properties).map((field) => `${field} ${required.includes(field) ? "required" : "may be left out"}`).sort(), name);
  }
});
