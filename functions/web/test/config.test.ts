import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { baseOf, configure, hosted, settings, type ConfigSource, type DoorbellConfig } from "../src/config.js";
import { ZIMErrorCode } from "../src/enums.js";
import { newPage } from "./fakes/browser.js";

let page: ReturnType<typeof newPage>;
beforeEach(() => {
  page = newPage();
  configure(undefined as unknown as ConfigSource);
});

test("the base URL is where the script was served from, or the page's origin", () => {
  assert.equal(baseOf("https://d.example/sdk/doorbell.js", "https://app.example"), "https://d.example");
  assert.equal(baseOf("https://d.example/x/sdk/0123456789abcdef/doorbell.js", "https://app.example"), "https://d.example/x");
  assert.equal(baseOf("https://app.example/lib/doorbell.js", "https://app.example"), "https://app.example");
  assert.equal(baseOf("file:///sdk/doorbell.js", "https://app.example"), "https://app.example");
  assert.equal(baseOf("", "https://app.example"), "https://app.example");
});

test("what stands beside appID wins over configure, that over the global, and defaults fill in", async () => {
  const global: DoorbellConfig = { baseURL: "https://global.example/", idleSeconds: 1, serviceWorker: { url: "/w.js" } };
  Object.assign(globalThis, { DOORBELL_CONFIG: global });
  let s = await settings({ name: "n" });
  assert.deepEqual([s.baseURL, s.idleSeconds, s.name, s.serviceWorker], ["https://global.example", 1, "n", { url: "/w.js", scope: "/firebase-cloud-messaging-push-scope" }]);
  configure({ baseURL: "https://configured.example" });
  s = await settings({});
  assert.deepEqual([s.baseURL, s.idleSeconds], ["https://configured.example", 300]);
  assert.equal((await settings({ baseURL: "https://own.example" })).baseURL, "https://own.example");
});

test("receipts go to the base URL, unless they are turned off or go elsewhere", async () => {
  configure({ baseURL: "https://d.example/" });
  assert.equal((await settings({})).receiptsURL, "https://d.example/receipts");
  assert.equal((await settings({})).contentURL, "https://d.example/push-content");
  assert.equal((await settings({ contentURL: "" })).contentURL, "");
  assert.equal((await settings({ receiptsURL: "" })).receiptsURL, "");
  assert.equal((await settings({ receiptsURL: "https://r.example/" })).receiptsURL, "https://r.example/");
});

test("a string is a URL of it", async () => {
  page.net.answers.set("/config.json", { idleSeconds: 7 });
  configure("/config.json");
  assert.equal((await settings({})).idleSeconds, 7);
  configure("/nothing.json");
  await assert.rejects(settings({}), { code: ZIMErrorCode.CommonModuleNotInit, message: "no Doorbell configuration at /nothing.json" });
});

test("Firebase Hosting's configuration, where there is one", async () => {
  assert.equal(await hosted(), undefined);
  page.net.answers.set("/__/firebase/init.json", { apiKey: "k", projectId: "p" });
  assert.deepEqual(await hosted(), { apiKey: "k", projectId: "p" });
  globalThis.fetch = () => Promise.resolve(new Response("<!doctype html>"));
  assert.equal(await hosted(), undefined);
});
