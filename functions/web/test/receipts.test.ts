// The receipts that the service worker sends.
import assert from "node:assert/strict";
import { test } from "node:test";

import { message, ring, worker } from "./fakes/worker.js";

test("receipts say what became of each push", async () => {
  const w = worker();
  await w.settings();
  await w.push(message());
  await w.click(w.shade[0]!);
  await w.push(message());
  w.deny();
  await w.push(message("m2"));
  assert.deepEqual(w.posted.flatMap((p) => p.receipts.map((r) => `${p.token} ${r.kind} ${r.id} ${r.event}${r.reason ? ` (${r.reason})` : ""}`)), [
    "Bearer token-1 message m1 arrived", "Bearer token-1 message m1 shown", "Bearer token-1 message m1 clicked",
    "Bearer token-1 message m1 arrived", "Bearer token-1 message m1 dropped (duplicate)",
    "Bearer token-1 message m2 arrived", "Bearer token-1 message m2 dropped (TypeError)",
  ]);
});

test("receipts are what the server takes: whole milliseconds, of Doorbell's pushes, a repeat as the first was", async () => {
  const w = worker();
  await w.settings({ clockAheadMs: 0.5 });
  await w.push({ notification: { title: "of another sender", tag: "t" }, fcmMessageId: "f" });
  assert.equal(w.posted.length, 0);
  await w.push(ring(-1000));
  await w.push(message());
  await w.push(message()); // it still stands
  const all = w.posted.flatMap((p) => p.receipts);
  for (const r of all) assert.ok(Number.isInteger((r as unknown as { at: number }).at) && !("token" in r), JSON.stringify(r));
  assert.deepEqual(all.filter((r) => r.event === "shown").map((r) => `${r.kind} ${r.reason ?? ""}`), ["call late", "message ", "message "]);
});

test("what waits is told as the device of whose push it is, whoever is logged in by then", async () => {
  const w = worker();
  await w.settings();
  w.net.status = 0;
  await w.push(message());
  await w.settings({ receiptToken: "token-2" });
  w.net.status = 200;
  await w.push(message("m2"));
  assert.deepEqual(w.posted.map((p) => [p.token, p.receipts.map((r) => `${r.id} ${r.event}`)]), [
    ["Bearer token-1", ["m1 arrived", "m1 shown"]], ["Bearer token-2", ["m2 arrived", "m2 shown"]],
  ]);
});

test("receipts survive being offline, and a server in trouble; what it refuses is gone", async () => {
  const first = worker();
  await first.settings();
  first.net.status = 0;
  await first.push(message());
  assert.deepEqual([first.posted.length, first.synced], [0, ["doorbell-receipts"]]);
  // The browser has ended the worker and starts it again.
  const second = worker(first.scope);
  second.net.status = 503;
  await second.dispatch("sync", { tag: "doorbell-receipts" });
  second.net.status = 200;
  await second.dispatch("sync", { tag: "doorbell-receipts" });
  assert.deepEqual(second.posted.flatMap((p) => p.receipts.map((r) => r.event)), ["arrived", "shown"]);
  await second.dispatch("sync", { tag: "doorbell-receipts" });
  assert.equal(second.posted.length, 1);

  second.net.status = 400;
  await second.push(message("m2"));
  second.net.status = 200;
  await second.dispatch("message", { data: { doorbell: "flush" } });
  assert.equal(second.posted.length, 1);
});

test("without a URL for them there are no receipts, kept or sent", async () => {
  const w = worker();
  await w.settings({ receiptsURL: "" });
  await w.push(message());
  await w.settings();
  await w.dispatch("sync", { tag: "doorbell-receipts" });
  assert.deepEqual(w.posted, []);
});
