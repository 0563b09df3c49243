// What the service worker asks the server for, of a push that says only IDs.
import assert from "node:assert/strict";
import { test } from "node:test";

import type { ZPNsMessage } from "../src/push.js";
import { change, message, worker } from "./fakes/worker.js";

/** A push that says only IDs, as shared/push/testdata/web_id.json asks for. */
const secret = (more: object = {}) => ({
  data: { kind: "message", id: "m1", conversationID: "alice", conversationType: "0", messageSeq: "5", expiresAt: String(Date.now() + 1e6), fetch: "1", ...more },
  notification: { title: "New message", body: "Open the app to see it", tag: "m1" },
});

test("what a push keeps back is asked of the server, and shown as if the push had said it", async () => {
  const w = worker();
  await w.settings();
  const arrived: ZPNsMessage[] = [];
  w.self.onNotificationArrived = (m) => arrived.push(m);
  w.net.content = { status: 200, body: { notification: { title: "Alice", body: "Hello" }, senderUserID: "alice", payload: "p", resourcesID: "r" } };
  await w.push(secret());
  assert.deepEqual(w.asked, [{ token: "Bearer token-1", body: { userID: "bob", kind: "message", id: "m1", conversationID: "alice", conversationType: 0 } }]);
  assert.deepEqual(w.shade.map((n) => [n.title, n.options.body, n.options.tag]), [["Alice", "Hello", "m1"]]);
  const { title, content, extra } = arrived[0]!;
  assert.deepEqual([title, content, extra!.senderUserID, extra!.payload, extra!.resourcesID], ["Alice", "Hello", "alice", "p", "r"]);
  assert.deepEqual(w.posted[0]!.receipts.map((r) => [r.event, r.reason]), [["arrived", undefined], ["shown", undefined]]);

  await w.push({ ...secret({ kind: "call", id: "c1", callID: "7" }), notification: { title: "Incoming call", body: "", tag: "c1" } });
  assert.deepEqual(w.asked[1]!.body, { userID: "bob", kind: "call", id: "c1", callID: "7" });
});

test("what can't be had, or not in time, is shown without words, once, and told", async () => {
  for (const content of ["never", { status: 404 }, { status: 500 }, { status: 200, body: undefined }] as const) {
    const w = worker();
    await w.settings();
    w.net.content = content;
    await w.push(secret());
    assert.deepEqual(w.shade.map((n) => [n.title, n.options.body]), [["New message", "Open the app to see it"]], JSON.stringify(content));
    assert.deepEqual(w.posted[0]!.receipts.map((r) => [r.event, r.reason]), [["arrived", undefined], ["shown", "not_fetched"]]);
  }
  const w = worker();
  await w.settings({ contentURL: "" });
  await w.push(secret());
  await w.push({ ...message("m2") });
  assert.deepEqual([w.shade.length, w.asked.length], [2, 0]);
});

test("a message that is revoked while its words are fetched isn't shown", async () => {
  const w = worker();
  await w.settings();
  let answer: (() => void) | undefined;
  const asked = new Promise<void>((is) => {
    w.self.fetch = (url: string) => url.endsWith("/receipts") ? Promise.resolve({ ok: true, status: 200 }) : new Promise((done) => {
      answer = () => { done({ ok: true, status: 200, json: () => Promise.resolve({ notification: { title: "Alice", body: "Hello" }, senderUserID: "alice" }) }); };
      is();
    });
  });
  const first = w.push(secret());
  await asked;
  await w.push(change("revoke", 7));
  answer!();
  await first;
  assert.deepEqual(w.shown(), []);
});
