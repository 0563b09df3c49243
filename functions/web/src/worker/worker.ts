// The service worker: one notification for each push, and what a click on it
// does. Every listener is registered while the script is evaluated: a browser
// starts the worker for a push with no page open, and looks for no others then.
import { Database, type Receipt } from "../database.js";
import type { ShownData, WorkerNews, WorkerSettings, ZPNsMessage } from "../push.js";
import { complete } from "./content.js";
import { decide, ends, identity, parse, pickWindow, replaces, takesAway, type Push } from "./notification.js";
import { Receipts, syncTag } from "./receipts.js";

declare const self: ServiceWorkerGlobalScope & {
  onNotificationArrived?: (message: ZPNsMessage) => unknown;
  onNotificationClicked?: (message: ZPNsMessage) => unknown;
  onThroughMessageReceived?: (message: ZPNsMessage) => unknown;
  missedCallText?: string;
};

const database = new Database(self.registration.scope);
const receipts = new Receipts(database, {
  fetch: (url, init) => fetch(url, init),
  later: async () => {
    const sync = (self.registration as { sync?: { register(tag: string): Promise<void> } }).sync;
    await sync?.register(syncTag).catch(() => { /* not permitted: the next push tries again */ });
  },
});

self.addEventListener("install", () => { void self.skipWaiting(); });
self.addEventListener("push", (event) => {
  const push = parse(event.data?.text());
  if (push) event.waitUntil(arrived(push));
});
self.addEventListener("notificationclick", (event) => {
  const shown = event.notification.data as ShownData | undefined;
  if (!shown?.message) return; // not ours
  event.notification.close();
  event.waitUntil(clicked(event.action ? { ...shown, message: { ...shown.message, action: event.action } } : shown));
});
self.addEventListener("pushsubscriptionchange", (event) => {
  (event as ExtendableEvent).waitUntil(tell({ doorbell: "resubscribe", scope: self.registration.scope }));
});
self.addEventListener("sync" as "message", (event) => {
  if ((event as unknown as { tag: string }).tag === syncTag) event.waitUntil(settings().then((s) => receipts.flush(s)));
});
self.addEventListener("message", (event) => {
  if ((event.data as { doorbell?: string } | undefined)?.doorbell === "flush") event.waitUntil(settings().then((s) => receipts.flush(s)));
});

async function arrived(came: Push): Promise<void> {
  const known = await settings();
  // Before anything is looked up, so that what comes meanwhile, such as its revocation, is seen.
  const { push, reason: incomplete } = await complete(came, known, (url, init) => fetch(url, init));
  const now = Date.now() - (known?.clockAheadMs ?? 0);
  const { id, kind, key, tag, expiresAt } = identity(push);
  if (ends(push)) {
    for (const n of await self.registration.getNotifications()) if (takesAway(push, n.data as ShownData | null)) n.close();
  }
  // Without a database nothing is known to have come before, and it is shown.
  const [first, about] = await Promise.all([
    id ? database.first({ key, id, kind, at: now, expiresAt }).catch(() => true) : true,
    id ? database.about(id).catch(() => []) : [],
  ]);
  const standing = first && !replaces(kind) ? [] : (await self.registration.getNotifications({ tag })).map((n) => n.data as ShownData | null).filter((d) => d?.message);
  const { message, show, reason } = decide(push, now, first, standing as ShownData[], about, self.missedCallText ?? "Missed call");

  const happened: Receipt[] = [{ id, kind, event: "arrived", at: now }];
  if (show) {
    try {
      await self.registration.showNotification(show.title, show.options);
      // A repeat is shown as the first was.
      const why = reason ?? incomplete;
      happened.push({ id, kind, event: "shown", at: now, ...(why && why !== "duplicate" ? { reason: why } : {}) });
    } catch (err) {
      happened.push({ id, kind, event: "dropped", at: now, reason: errorName(err) });
    }
  } else if (reason && reason !== "silent") {
    happened.push({ id, kind, event: "dropped", at: now, reason });
  }
  const silent = reason === "silent";
  const unseen = reason === "duplicate" || ends(push) || (!show && !silent); // the app is told of what there is for it
  await Promise.all([
    unseen ? undefined : hook(silent ? self.onThroughMessageReceived : self.onNotificationArrived, message),
    unseen ? undefined : tell({ doorbell: silent ? "through" : "arrived", scope: self.registration.scope, message }),
    tellServer(known, happened),
    first ? setBadge(push.data?.badge) : undefined,
  ]);
}

/** setBadge sets the app icon's number where the push has one and the browser can, which is of installed apps. */
async function setBadge(badge: string | undefined): Promise<void> {
  const { navigator } = self as { navigator?: { setAppBadge?: (n: number) => Promise<void> } };
  if (badge && /^\d+$/.test(badge)) await navigator?.setAppBadge?.(Number(badge)).catch(() => {}); // refused: there is no icon
}

async function clicked({ message, id, kind, link }: ShownData): Promise<void> {
  const known = await settings();
  const answer = await hook(self.onNotificationClicked, message);
  // A hook that returns false has seen to everything itself.
  if (answer !== false) await open(message, link, known);
  const at = Date.now() - (known?.clockAheadMs ?? 0);
  await tellServer(known, [{ id, kind, event: "clicked", at }]);
}

/** tellServer posts receipts of a push that is Doorbell's: others have no kind. */
async function tellServer(known: WorkerSettings | undefined, happened: Receipt[]): Promise<void> {
  if (!happened[0]?.id || !happened[0].kind) return;
  await receipts.add(known, happened).catch(() => { /* no database: no receipts */ });
}

/** errorName is the kind of an error: its text is in the browser's language, and may hold anything. */
function errorName(err: unknown): string {
  return /^\w{1,64}$/.exec((err as Error | undefined)?.name ?? "")?.[0] ?? "Error";
}

/** open brings a page to the front and tells it of the click; one that isn't open yet finds the click in the database. */
async function open(message: ZPNsMessage, link: string, known: WorkerSettings | undefined): Promise<void> {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const target = pickWindow(windows, link, known?.appURL ?? "");
  if (target) {
    await target.focus().catch(() => undefined); // a browser may refuse; the page is told all the same
    target.postMessage({ doorbell: "clicked", scope: self.registration.scope, message } satisfies WorkerNews);
    return;
  }
  await database.stash({ message, at: Date.now() }).catch(() => { /* no database */ });
  await self.clients.openWindow(link || known?.appURL || "/").catch(() => null);
}

/** hook calls the app's function. One that throws is reported and stops nothing. */
async function hook(f: ((message: ZPNsMessage) => unknown) | undefined, message: ZPNsMessage): Promise<unknown> {
  try {
    return await f?.(message);
  } catch (err) {
    console.error(err);
    return undefined;
  }
}

async function tell(news: WorkerNews): Promise<void> {
  for (const page of await self.clients.matchAll({ type: "window", includeUncontrolled: true })) page.postMessage(news);
}

async function settings(): Promise<WorkerSettings | undefined> {
  return database.settings().catch(() => undefined);
}
