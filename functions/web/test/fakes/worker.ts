// The service worker as it is served: dist/firebase-messaging-sw.js, evaluated
// in a scope of its own that records what it does.
import "fake-indexeddb/auto";

import { readFileSync } from "node:fs";
import vm from "node:vm";

import { Database } from "../../src/database.js";
import type { ShownData, ZPNsMessage } from "../../src/push.js";

const script = new vm.Script(readFileSync("dist/firebase-messaging-sw.js", "utf8"));

interface Note { title: string; options: NotificationOptions & { renotify?: boolean }; open: boolean }
interface Client { url: string; focused: boolean; visibilityState: string; told: { doorbell: string; message?: ZPNsMessage }[]; focus(): Promise<void>; postMessage(m: never): void }
type Posted = { token: string; receipts: { id: string; kind: string; event: string; reason?: string }[] };

let scopes = 0;

/** A browser that has the worker: `push` and `click` are what happens to it. */
export function worker(scope = `https://app.example/scope${scopes++}`) {
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
export const message = (id = "m1", more: object = {}) => ({
  data: { kind: "message", id, senderUserID: "alice", conversationID: "alice", conversationType: "0", messageSeq: "5", expiresAt: String(Date.now() + 1e6), payload: "{\"page\":\"chat\"}" },
  notification: { title: "Alice", body: "Hello", tag: id, ...more }, from: "1", fcmMessageId: "f1",
});
export const ring = (inMs: number, id = "c1") => ({
  data: { kind: "call", id, callID: "1", senderUserID: "alice", expiresAt: String(Date.now() + inMs), payload: "p" },
  notification: { title: "Alice", body: "Video call", tag: id, requireInteraction: true },
});
export const callEnd = (id = "c1") => ({
  data: { kind: "call_end", id, callID: "1", senderUserID: "alice", expiresAt: String(Date.now() + 1e8), callEnd: "missed" },
  notification: { title: "Alice", body: "Missed call", tag: id, silent: true },
});

export const change = (kind: string, changedAt: number, body?: string, id = "m1") => ({
  data: { kind, id, senderUserID: "alice", conversationID: "alice", conversationType: "0", messageSeq: "5", changedAt: String(changedAt), expiresAt: String(Date.now() + 1e6) },
  ...(body ? { notification: { title: "Alice", body, tag: id, silent: true } } : {}),
});
export const readUpTo = (seq: number, conversationID = "alice") => ({
  data: { kind: "read", id: `r-${conversationID}`, conversationID, conversationType: "0", messageSeq: String(seq), expiresAt: String(Date.now() + 1e6) },
});
