// The service worker as it is served: dist/firebase-messaging-sw.js, evaluated
// in a scope of its own that records what it does.
import "fake-indexeddb/auto";

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";

import { Database } from "../src/database.js";
import type { ShownData, ZPNsMessage } from "../src/push.js";

const script = new vm.Script(readFileSync("dist/firebase-messaging-sw.js", "utf8"));

interface Note { title: string; options: NotificationOptions & { renotify?: boolean }; open: boolean }
interface Client { url: string; focused: boolean; visibilityState: string; told: { doorbell: string; message?: ZPNsMessage }[]; focus(): Promise<void>; postMessage(m: never): void }
type Posted = { token: string; receipts: { id: string; kind: string; event: string; reason?: string }[] };

let scopes = 0;

/** A browser that has the worker: `push` and `click` are what happens to it. */
function worker(scope = `https://app.example/scope${scopes++}`) {
  const listeners = new Map<string, ((event: object) => void)[]>();
  const shade: Note[] = [];
  const clients: Client[] = [];
  const opened: string[] = [];
  const posted: Posted[] = [];
  const synced: string[] = [];
  const badges: number[] = [];
  const net = { status: 200, content: { status: 404 } as { status: number; body?: object } | "never" };
  const asked: { token: string; body: Record<string, unknown> }[] = [];
  let permission = true;
  const registration = {
    scope,
    showNotification: (title: string, options: Note["options"]) => {
      if (options.renotify && !options.tag) return Promise.reject(new TypeError("Notifications which set the renotify flag must specify a non-empty tag"));
      if (!permission) return Promise.reject(new TypeError("No notification permission has been granted for this origin."));
      for (const n of shade) if (options.tag && n.options.tag === options.tag) n.open = false;
      shade.push({ title, options: structuredClone(options), open: true });
      return Promise.resolve();
    },
    getNotifications: ({ tag }: { tag?: string } = {}) => Promise.resolve(shade.filter((n) => n.open && (tag === undefined || n.options.tag === tag))
      .map((n) => ({ data: n.options.data as unknown, close: () => { n.open = false; } }))),
    sync: { register: (tag: string) => Promise.resolve(void synced.push(tag)) },
  };
  const self: Record<string, unknown> = {
    registration, indexedDB, console, URL, structuredClone, setTimeout: (f: () => void, ms: number) => setTimeout(f, net.content === "never" ? 0 : ms), clearTimeout, skipWaiting: () => Promise.resolve(),
    addEventListener: (type: string, listener: (event: object) => void) => { listeners.set(type, [...listeners.get(type) ?? [], listener]); },
    navigator: { setAppBadge: (n: number) => { badges.push(n); return n > 9999 ? Promise.reject(new Error("refused")) : Promise.resolve(); } },
    clients: { matchAll: () => Promise.resolve([...clients]), openWindow: (url: string) => Promise.resolve(void opened.push(url)) },
    fetch: (url: string, init: { body: string; headers: { Authorization: string } }) => {
      if (url === "https://doorbell.example/push-content") {
        asked.push({ token: init.headers.Authorization, body: JSON.parse(init.body) as Record<string, unknown> });
        const { content } = net;
        return content === "never" ? new Promise(() => {}) : Promise.resolve({ ok: content.status === 200, status: content.status, json: () => Promise.resolve(content.body) });
      }
      if (net.status === 0) return Promise.reject(new TypeError("Failed to fetch"));
      if (net.status === 200) posted.push({ token: init.headers.Authorization, ...JSON.parse(init.body) as Omit<Posted, "token"> });
      return Promise.resolve({ ok: net.status === 200, status: net.status });
    },
  };
  self.self = self;
  script.runInNewContext(self);

  const dispatch = async (type: string, event: object): Promise<void> => {
    const waits: Promise<unknown>[] = [];
    for (const listener of listeners.get(type) ?? []) listener({ ...event, waitUntil: (p: Promise<unknown>) => waits.push(p) });
    await Promise.all(waits);
  };
  return {
    self: self as typeof self & { onNotificationArrived(m: ZPNsMessage): unknown; onNotificationClicked(m: ZPNsMessage): unknown; onThroughMessageReceived?(m: ZPNsMessage): unknown },
    listeners, shade, badges, asked, clients, opened, posted, synced, net, scope, dispatch,
    deny: () => { permission = false; },
    shown: () => shade.filter((n) => n.open),
    push: (data: unknown) => dispatch("push", { data: data === null ? null : { text: () => (typeof data === "string" ? data : JSON.stringify(data)) } }),
    click: async (n: Note) => dispatch("notificationclick", { notification: { data: n.options.data as ShownData, close: () => { n.open = false; } } }),
    settings: (more: object = {}) => new Database(scope).setSettings({ pushID: "push-1", receiptToken: "token-1", receiptsURL: "https://doorbell.example/receipts", contentURL: "https://doorbell.example/push-content", userID: "bob", clockAheadMs: 0, appURL: "https://app.example/chat", ...more }),
    page: (url: string, focused = false, visibilityState = "hidden"): Client => {
      const client: Client = {
        url, focused, visibilityState, told: [], focus() { this.focused = true; return Promise.resolve(); }, postMessage(m) { this.told.push(m); },
      };
      clients.push(client);
      return client;
    },
  };
}

/** A push as FCM delivers what shared/push/testdata/web.json asks for. */
const message = (id = "m1", more: object = {}) => ({
  data: { kind: "message", id, senderUserID: "alice", conversationID: "alice", conversationType: "0", messageSeq: "5", expiresAt: String(Date.now() + 1e6), payload: "{\"page\":\"chat\"}" },
  notification: { title: "Alice", body: "Hello", tag: id, ...more }, from: "1", fcmMessageId: "f1",
});
const ring = (inMs: number, id = "c1") => ({
  data: { kind: "call", id, callID: "1", senderUserID: "alice", expiresAt: String(Date.now() + inMs), payload: "p" },
  notification: { title: "Alice", body: "Video call", tag: id, requireInteraction: true },
});
const callEnd = (id = "c1") => ({
  data: { kind: "call_end", id, callID: "1", senderUserID: "alice", expiresAt: String(Date.now() + 1e8), callEnd: "missed" },
  notification: { title: "Alice", body: "Missed call", tag: id, silent: true },
});

const change = (kind: string, changedAt: number, body?: string, id = "m1") => ({
  data: { kind, id, senderUserID: "alice", conversationID: "alice", conversationType: "0", messageSeq: "5", changedAt: String(changedAt), expiresAt: String(Date.now() + 1e6) },
  ...(body ? { notification: { title: "Alice", body, tag: id, silent: true } } : {}),
});
const readUpTo = (seq: number, conversationID = "alice") => ({
  data: { kind: "read", id: `r-${conversationID}`, conversationID, conversationType: "0", messageSeq: String(seq), expiresAt: String(Date.now() + 1e6) },
});

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
