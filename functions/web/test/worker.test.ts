// The service worker as it is served: what it shows, and what a click does.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Database } from "../src/database.js";
import type { ShownData, ZPNsMessage } from "../src/push.js";
import { callEnd, change, message, readUpTo, ring, worker } from "./fakes/worker.js";

test("a message that is revoked is taken away, and doesn't come back late", async () => {
  const w = worker();
  await w.settings();
  let through = 0;
  w.self.onThroughMessageReceived = () => through++;
  await w.push(message("m1"));
  await w.push(message("m2"));
  await w.push(change("revoke", 7));
  assert.deepEqual(w.shown().map((n) => n.options.tag), ["m2"]);
  await w.push(change("revoke", 8, undefined, "m3"));
  await w.push(message("m3"));
  assert.deepEqual([w.shown().map((n) => n.options.tag), through], [["m2"], 0]);
  assert.deepEqual(w.posted.flatMap((p) => p.receipts).filter((r) => r.id === "m3").map((r) => `${r.kind} ${r.event}`), ["revoke arrived", "message arrived", "message dropped"]);
});

test("a revocation in words stands where the message stood, and only there", async () => {
  const w = worker();
  await w.push(message("m1"));
  await w.push(change("revoke", 7, "taken back"));
  assert.deepEqual(w.shown().map((n) => [n.options.body, n.options.silent]), [["taken back", true]]);
  await w.push(message("m2"));
  await w.click(w.shown()[1]!);
  await w.push(change("revoke", 7, "taken back", "m2"));
  await w.push(change("revoke", 7, "taken back", "m3"));
  assert.equal(w.shown().length, 1);
});

test("an edit replaces the message in silence, the latest stands, and what was closed stays closed", async () => {
  const w = worker();
  await w.push(message("m1"));
  await w.push(change("edit", 8, "second"));
  await w.push(change("edit", 7, "first")); // late
  await w.push(message("m1"));
  assert.deepEqual(w.shown().map((n) => [n.options.body, n.options.silent]), [["second", true]]);
  await w.push(change("edit", 9, "third"));
  assert.deepEqual(w.shown().map((n) => n.options.body), ["third"]);
  await w.click(w.shown()[0]!);
  await w.push(change("edit", 10, "fourth"));
  assert.equal(w.shown().length, 0);
  // One whose message the push service dropped for it is what there is to show.
  await w.push(change("edit", 7, "only", "m2"));
  await w.push(message("m2"));
  assert.deepEqual(w.shown().map((n) => [n.options.body, n.options.silent]), [["only", false]]);
});

test("what was read elsewhere is taken away, as far as it was read", async () => {
  const w = worker();
  await w.push(message("m1"));
  const later = message("m2");
  later.data.messageSeq = "10";
  await w.push(later);
  const other = message("m3");
  other.data.conversationID = "carol";
  await w.push(other);
  await w.push(ring(60_000));
  await w.push(readUpTo(9));
  assert.deepEqual(w.shown().map((n) => n.options.tag), ["m2", "m3", "c1"]);
  await w.push(readUpTo(10));
  assert.deepEqual(w.shown().map((n) => n.options.tag), ["m3", "c1"]);
});

test("a summary is taken away once all it counts is read, by its tag", async () => {
  const w = worker();
  await w.push({ data: { kind: "summary", id: "s1", expiresAt: String(Date.now() + 1e6) }, notification: { title: "2 unread messages", body: "b", tag: "s1" } });
  await w.push(readUpTo(9));
  const of = (tags: string) => { const push = readUpTo(10); return { ...push, data: { ...push.data, tags } }; };
  await w.push(of("m1 s2"));
  assert.deepEqual(w.shown().map((n) => n.options.tag), ["s1"]);
  await w.push(of("m1 s1"));
  assert.deepEqual(w.shown(), []);
});

test("every listener is there once the script is evaluated", () => {
  const { listeners } = worker();
  assert.deepEqual([...listeners.keys()].sort(), ["install", "message", "notificationclick", "push", "pushsubscriptionchange", "sync"]);
});

test("a push with no page open shows one notification, which has the payload on arrival and on the click", async () => {
  const w = worker();
  const arrived: ZPNsMessage[] = [], clicked: ZPNsMessage[] = [];
  w.self.onNotificationArrived = (m) => arrived.push(m);
  w.self.onNotificationClicked = (m) => clicked.push(m);
  await w.push(message());
  assert.equal(w.shade.length, 1);
  const { title, options } = w.shade[0]!;
  assert.deepEqual([title, options.body, options.tag], ["Alice", "Hello", "m1"]);
  await w.click(w.shade[0]!);
  for (const m of [...arrived, ...clicked]) {
    assert.deepEqual([m.title, m.content, m.extra!.payload, m.extra!.senderUserID], ["Alice", "Hello", "{\"page\":\"chat\"}", "alice"]);
  }
  assert.deepEqual([arrived.length, clicked.length, w.shown().length], [1, 1, 0]);
});

test("a repeated push shows one, silently; one that was closed stays closed", async () => {
  const w = worker();
  let arrived = 0;
  w.self.onNotificationArrived = () => arrived++;
  await w.push(message());
  await w.push(message());
  assert.deepEqual([w.shown().length, w.shade[1]!.options.silent, arrived], [1, true, 1]);
  w.shade[1]!.open = false;
  await w.push(message());
  assert.deepEqual([w.shown().length, w.shade.length], [0, 2]);
  await w.push(message("m2"));
  assert.equal(w.shown().length, 1);
});

test("the same push twice at once shows one", async () => {
  const w = worker();
  let arrived = 0;
  w.self.onNotificationArrived = () => arrived++;
  await Promise.all([w.push(message()), w.push(message()), w.push(message())]);
  assert.deepEqual([w.shown().length, arrived], [1, 1]);
});

test("the app icon gets the number of a push, once, where it has one and the browser can", async () => {
  const w = worker();
  const numbered = (id: string, badge: string) => { const m = message(id); return { ...m, data: { ...m.data, badge } }; };
  for (const push of [message("m0"), numbered("m1", "3"), numbered("m2", "4"), numbered("m1", "3"), numbered("m3", "0"), numbered("m4", "-1"), numbered("m5", "x"), numbered("m6", "99999")]) await w.push(push);
  assert.deepEqual([w.badges, w.shown().length], [[3, 4, 0, 99999], 7]);
  await w.push({ data: { ...numbered("m7", "12").data } }); // a silent push has one, too
  assert.deepEqual([w.badges.at(-1), w.shown().length], [12, 7]);
  const without = worker();
  without.self["navigator"] = {};
  await without.push(numbered("m1", "3"));
  assert.equal(without.shown().length, 1);
});

test("what the server says of a notification is kept", async () => {
  const w = worker();
  await w.push({ ...message("m1", { icon: "/i.png", image: "/p.png", badge: "/b.png", lang: "de", actions: [{ action: "a", title: "A" }] }), fcmOptions: { link: "https://app.example/chat" } });
  const { icon, lang, badge, data } = w.shade[0]!.options;
  assert.deepEqual([icon, lang, badge, (data as ShownData).link, (data as ShownData).message.icon], ["/i.png", "de", "/b.png", "https://app.example/chat", "/i.png"]);
});

test("a call rings until it is answered; a late one shows missed, by the server's clock", async () => {
  const w = worker();
  await w.push(ring(60_000));
  assert.deepEqual([w.shade[0]!.options.body, w.shade[0]!.options.requireInteraction, w.shade[0]!.options.renotify], ["Video call", true, true]);
  await w.push(ring(-1000, "c2"));
  assert.deepEqual([w.shade[1]!.options.body, w.shade[1]!.options.requireInteraction, w.shade[1]!.options.silent], ["Missed call", false, true]);
  await w.settings({ clockAheadMs: 120_000 }); // this device is two minutes fast
  await w.push(ring(-60_000, "c3"));
  assert.equal(w.shade[2]!.options.body, "Video call");
});

test("the end of a call replaces the ring", async () => {
  const w = worker();
  await w.push(ring(60_000));
  await w.push(callEnd());
  assert.deepEqual(w.shown().map((n) => [n.options.body, n.options.tag, n.options.silent]), [["Missed call", "c1", true]]);
});

test("a ring that comes again rings on while it is shown, and replaces nothing else", async () => {
  const w = worker();
  const first = ring(60_000);
  await w.push(first);
  await w.push(first);
  assert.deepEqual(w.shown().map((n) => [n.options.body, n.options.requireInteraction, n.options.silent]), [["Video call", true, true]]);
  const again = ring(90_000); // invited anew
  await w.push(again);
  await w.push(first);
  assert.deepEqual([w.shown()[0]!.options.renotify, w.shade.length], [true, 3], "an older invitation took the newer one's place");
  await w.push(callEnd());
  await w.push(again);
  await w.push(first);
  assert.deepEqual(w.shown().map((n) => n.options.body), ["Missed call"]);
});

test("a ring that comes again when it is over shows missed", async (t) => {
  const w = worker();
  const late = ring(60_000);
  await w.push(late);
  await w.settings({ clockAheadMs: -120_000 }); // two minutes later, by the server's clock
  await w.push(late);
  assert.deepEqual(w.shown().map((n) => [n.options.body, n.options.requireInteraction]), [["Missed call", false]]);

  await w.settings();
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  await w.push(callEnd("c2"));
  const overtaken = ring(60_000, "c2");
  await w.push(overtaken);
  t.mock.timers.tick(20_000);
  await w.push(overtaken);
  assert.deepEqual(w.shown().map((n) => n.options.body), ["Missed call", "Missed call"]);
});

test("of messages with one collapseID the latest is shown; receipts name each", async () => {
  const w = worker();
  await w.settings();
  const score = (id: string) => ({ data: { ...message(id).data, tag: "score" }, notification: { title: "Match", body: id, tag: "score" } });
  await w.push(score("m1"));
  await w.push(score("m2"));
  assert.deepEqual(w.shown().map((n) => [n.options.body, n.options.tag]), [["m2", "score"]]);
  await w.push(score("m2"));
  await w.push(score("m1")); // it has been replaced
  assert.deepEqual([w.shown().map((n) => n.options.body), w.shade.length], [["m2"], 3]);
  await w.click(w.shown()[0]!);
  assert.deepEqual(w.posted.flatMap((p) => p.receipts).filter((r) => r.event !== "arrived").map((r) => `${r.id} ${r.event}`),
    ["m1 shown", "m2 shown", "m2 shown", "m1 dropped", "m2 clicked"]);
});

test("a notification without a tag stands alone, and is not refused for a renotify", async () => {
  const w = worker();
  for (const n of [{}, { renotify: true }]) await w.push({ data: { kind: "call", expiresAt: String(Date.now() + 60_000) }, notification: { title: "Alice", body: "Video call", ...n } });
  assert.deepEqual(w.shade.map((n) => ["tag" in n.options, "renotify" in n.options]), [[false, false], [false, false]]);
});

test("a ring that its end overtook doesn't ring; a later invitation to the same call does", async () => {
  const w = worker();
  await w.push(callEnd());
  await w.push(ring(60_000));
  assert.deepEqual(w.shown().map((n) => [n.options.body, n.options.silent]), [["Missed call", true]]);
  await w.push(ring(90_000));
  assert.deepEqual(w.shown().map((n) => [n.options.body, n.options.silent]), [["Video call", undefined]]);
});

test("a silent push shows nothing", async () => {
  const w = worker();
  const page = w.page("https://app.example/chat");
  let through = "", arrived = 0;
  w.self.onThroughMessageReceived = (m) => { through = m.extra!.payload!; };
  w.self.onNotificationArrived = () => arrived++;
  const { data } = message();
  await w.push({ data });
  assert.deepEqual([w.shade.length, through, arrived, page.told.map((t) => t.doorbell)], [0, "{\"page\":\"chat\"}", 0, ["through"]]);
});

test("pushes that aren't FCM's are left alone", async () => {
  const w = worker();
  for (const data of [null, "not json", "3", "null", "{}", "[]"]) await w.push(data);
  assert.equal(w.shade.length, 0);
  await w.dispatch("notificationclick", { notification: { data: { other: 1 }, close: () => assert.fail("closed another's notification") } });
});

test("a hook that throws, or takes its time, stops nothing", async () => {
  const w = worker();
  w.self.onNotificationArrived = () => { throw new Error("the app's"); };
  w.self.console = { error: () => {} };
  await w.push(message());
  let done = false;
  w.self.onNotificationArrived = async () => { await new Promise((r) => { setTimeout(r, 20); }); done = true; };
  await w.push(message("m2"));
  assert.deepEqual([w.shown().length, done], [2, true]);
});

test("a click goes to the push's link where it is open, else to any page of the site, best the app's", async () => {
  const w = worker();
  await w.settings();
  const other = w.page("https://app.example/other", true, "visible");
  const app = w.page("https://app.example/chat");
  const told = (page: typeof app): string[] => page.told.filter((t) => t.doorbell === "clicked").map((t) => t.message!.extra!.id!);
  await w.push(message());
  await w.click(w.shade[0]!);
  assert.deepEqual([app.focused, app.told.at(-1)!.message!.extra!.payload], [true, "{\"page\":\"chat\"}"]);
  for (const [id, link] of [["m2", "https://app.example/other"], ["m3", "https://app.example/new"], ["m4", "/new"], ["m5", "https://elsewhere.example/"]] as const) {
    await w.push({ ...message(id), fcmOptions: { link } });
    await w.click(w.shown()[0]!);
  }
  assert.deepEqual([told(app), told(other), w.opened], [["m1", "m3", "m4"], ["m2"], ["https://elsewhere.example/"]]);
});

test("a click with no page open opens the app and keeps the payload for it", async () => {
  const w = worker();
  await w.settings();
  await w.push(message());
  await w.click(w.shade[0]!);
  assert.deepEqual(w.opened, ["https://app.example/chat"]);
  assert.equal((await new Database(w.scope).takeClick())!.message.extra!.payload, "{\"page\":\"chat\"}");
});

test("a hook that returns false has seen to the click itself", async () => {
  const w = worker();
  w.self.onNotificationClicked = () => false;
  await w.push(message());
  await w.click(w.shade[0]!);
  assert.deepEqual([w.opened, w.shown().length], [[], 0]);
});

test("without a database it still shows what comes", async () => {
  const w = worker();
  w.self.indexedDB = { open: () => { throw new Error("blocked"); } };
  await w.push(message());
  await w.click(w.shade[0]!);
  assert.deepEqual([w.shade.length, w.opened], [1, ["/"]]);
});

test("a changed subscription is told to the pages", async () => {
  const w = worker();
  const page = w.page("https://app.example/chat");
  await w.dispatch("pushsubscriptionchange", {});
  assert.deepEqual(page.told.map((t) => ({ ...t })), [{ doorbell: "resubscribe", scope: w.scope }]);
});
