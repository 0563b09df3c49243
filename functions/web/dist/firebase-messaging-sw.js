// Doorbell's service worker: copy it to your site's root. Apache License 2.0.
"use strict";
(() => {
  // src/push.ts
  function databaseName(scope) {
    return `doorbell:${new URL(scope).pathname}`;
  }

  // src/database.ts
  var mostReceipts = 500;
  var mostSeen = 1e3;
  var Database = class {
    constructor(scope) {
      this.scope = scope;
    }
    scope;
    settings() {
      return this.run("kept", "readonly", (store) => store.get("settings"));
    }
    async setSettings(settings2) {
      await this.run("kept", "readwrite", (store) => store.put(settings2, "settings"));
    }
    async stash(click) {
      await this.run("kept", "readwrite", (store) => store.put(click, "click"));
    }
    /** takeClick is the click that was stashed, once. */
    takeClick() {
      return this.run("kept", "readwrite", (store) => {
        const found = store.get("click");
        store.delete("click");
        return found;
      });
    }
    /** first notes a push and reports whether it is the first with its key. */
    async first(seen) {
      const known = await this.run("seen", "readwrite", (store) => {
        const found = store.get(seen.key);
        found.onsuccess = () => {
          if (!found.result) store.put(seen);
        };
        return found;
      });
      if (!known) await this.prune("seen", mostSeen);
      return !known;
    }
    /** about is the pushes that came about one thing. */
    about(id) {
      return this.run("seen", "readonly", (store) => store.index("id").getAll(id));
    }
    async addReceipts(receipts2) {
      for (const receipt of receipts2) await this.run("receipts", "readwrite", (store) => store.add(receipt));
      await this.prune("receipts", mostReceipts);
    }
    /** receipts is up to most of those waiting, the oldest first, and the keys to remove them by. */
    async receipts(most) {
      const keys = await this.run("receipts", "readonly", (store) => store.getAllKeys(void 0, most));
      const list = await this.run("receipts", "readonly", (store) => store.getAll(void 0, most));
      const n = Math.min(keys.length, list.length);
      return { keys: keys.slice(0, n), list: list.slice(0, n) };
    }
    async removeReceipts(keys) {
      for (const key of keys) await this.run("receipts", "readwrite", (store) => store.delete(key));
    }
    async prune(name, most) {
      const count = await this.run(name, "readonly", (store) => store.count());
      if (count <= most) return;
      const keys = await this.run(name, "readonly", (store) => (name === "seen" ? store.index("at") : store).getAllKeys(void 0, count - most));
      for (const key of keys) await this.run(name, "readwrite", (store) => store.delete(key));
    }
    async run(name, mode, act) {
      const db = await this.open();
      try {
        return await new Promise((done, failed) => {
          const tx = db.transaction(name, mode);
          const request = act(tx.objectStore(name));
          tx.oncomplete = () => done(request.result);
          tx.onerror = tx.onabort = () => failed(tx.error);
        });
      } finally {
        db.close();
      }
    }
    open() {
      return new Promise((done, failed) => {
        const request = indexedDB.open(databaseName(this.scope), 1);
        request.onupgradeneeded = () => {
          const db = request.result;
          db.createObjectStore("kept");
          db.createObjectStore("receipts", { autoIncrement: true });
          const seen = db.createObjectStore("seen", { keyPath: "key" });
          seen.createIndex("id", "id");
          seen.createIndex("at", "at");
        };
        request.onsuccess = () => done(request.result);
        request.onerror = () => failed(request.error);
      });
    }
  };

  // src/worker/content.ts
  var patience = 4e3;
  async function complete(push, settings2, ask) {
    const { data } = push;
    if (data?.fetch !== "1" || !settings2?.contentURL) return { push };
    let timer;
    try {
      const late = new Promise((_, failed) => {
        timer = setTimeout(() => {
          failed(new Error("no answer in time"));
        }, patience);
      });
      return { push: filled(push, await Promise.race([late, fetched(data, settings2, ask)])) };
    } catch {
      return { push, reason: "not_fetched" };
    } finally {
      clearTimeout(timer);
    }
  }
  async function fetched(data, { contentURL, receiptToken, userID }, ask) {
    const answer = await ask(contentURL, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${receiptToken}` },
      credentials: "omit",
      body: JSON.stringify({
        userID,
        kind: data.kind,
        id: data.id,
        ...data.callID ? { callID: data.callID } : { conversationID: data.conversationID, conversationType: Number(data.conversationType) }
      })
    });
    if (!answer.ok) throw new Error("refused");
    return await answer.json();
  }
  function filled(push, { notification, senderUserID, payload, resourcesID }) {
    return {
      ...push,
      data: { ...push.data, senderUserID, ...payload ? { payload } : {}, ...resourcesID ? { resourcesID } : {} },
      ...push.notification && notification?.title ? { notification: { ...push.notification, title: notification.title, body: notification.body } } : {}
    };
  }

  // src/worker/notification.ts
  var overtakenMs = 15e3;
  function parse(text) {
    if (!text) return void 0;
    try {
      const value = JSON.parse(text);
      return typeof value === "object" && value !== null && (value.data || value.notification) ? value : void 0;
    } catch {
      return void 0;
    }
  }
  function identity(push) {
    const tag = push.notification?.tag || push.data?.tag || "";
    const id = push.data?.id || tag || push.fcmMessageId || "";
    const kind = push.data?.kind ?? "";
    const expiresAt = Number(push.data?.expiresAt) || 0;
    return { id, kind, key: keyOf(kind, id, push.data), tag: tag || id, expiresAt };
  }
  function keyOf(kind, id, data) {
    return `${kind}:${id}${kind === "message" ? "" : `:${Number(data?.changedAt) || Number(data?.expiresAt) || 0}`}`;
  }
  function changeOf(key) {
    return Number(key.split(":")[2]) || 0;
  }
  var changes = ["edit", "revoke"];
  function replaces(kind) {
    return changes.includes(kind);
  }
  function takesAway({ data, notification }, shown) {
    const extra = shown?.message?.extra;
    if (!data || notification?.title || !extra) return false;
    if (data.kind === "revoke") return shown.id === data.id;
    if (data.kind === "read" && shown.kind === "summary") return (data.tags ?? "").split(" ").includes(shown.id);
    return data.kind === "read" && extra.conversationID === data.conversationID && extra.conversationType === data.conversationType && Number(extra.messageSeq) <= Number(data.messageSeq);
  }
  function ends({ data, notification }) {
    return !notification?.title && (data?.kind === "revoke" || data?.kind === "read");
  }
  function passed(kind, id, key, about, standing) {
    if (kind !== "message" && !replaces(kind)) return false;
    if (about.some((seen) => changes.includes(seen.kind) && changeOf(seen.key) > changeOf(key))) return true;
    const stands = standing.some((shown) => shown.id === id);
    return replaces(kind) && !stands && (kind === "revoke" || about.some((seen) => seen.kind === "message"));
  }
  function decide(push, now, first, standing, about, missedCall) {
    const { id, kind, expiresAt, key, tag } = identity(push);
    const n = push.notification;
    const message = {
      title: n?.title ?? "",
      content: n?.body ?? "",
      ...typeof n?.icon === "string" ? { icon: n.icon } : {},
      extra: { ...push.data }
    };
    if (!n?.title) return { message, reason: "silent" };
    if (!first && !standing.some((shown) => keyOf(shown.kind, shown.id, shown.message.extra) === key)) {
      return { message, reason: "duplicate" };
    }
    if (passed(kind, id, key, about, standing)) return { message, reason: "ended" };
    const link = push.fcmOptions?.link ?? (typeof n.click_action === "string" ? n.click_action : "");
    const { title, body, tag: _tag, click_action: _action, renotify, ...rest } = n;
    const options = {
      ...rest,
      body: body ?? "",
      // Browsers refuse renotify without a tag.
      ...tag ? { tag, ...renotify ? { renotify: true } : {} } : {},
      data: { message, id, kind, link }
    };
    const late = expiresAt > 0 && expiresAt <= now;
    const over = kind === "call" && (late || overtaken(about, key, now, expiresAt));
    const ringing = kind === "call" && !over;
    const show = over ? { ...options, body: missedCall } : ringing ? { ...options, requireInteraction: true } : options;
    if (!first) return { message, show: { title, options: quiet(show, ringing) }, reason: "duplicate" };
    if (over) return { message, show: { title, options: quiet(show, false) }, reason: late ? "late" : "ended" };
    if (kind === "edit" && !standing.some((shown) => shown.id === id)) return { message, show: { title, options: { ...show, silent: false } } };
    return { message, show: { title, options: ringing && tag ? { ...show, renotify: true } : show } };
  }
  function overtaken(about, key, now, expiresAt) {
    const came = about.find((seen) => seen.key === key)?.at ?? now;
    const ends2 = about.filter((seen) => seen.kind === "call_end" && came - seen.at < overtakenMs);
    const rang = about.filter((seen) => seen.kind === "call" && seen.key !== key && seen.expiresAt < expiresAt);
    return ends2.length > 0 && rang.length === 0;
  }
  function quiet(options, ringing) {
    const { vibrate: _, renotify: __, ...rest } = options;
    return { ...rest, silent: true, requireInteraction: ringing };
  }
  function pickWindow(windows, link, appURL) {
    const rank = (w) => (samePage(w.url, link) ? 8 : 0) + (samePage(w.url, appURL) ? 4 : 0) + (w.focused ? 2 : 0) + (w.visibilityState === "visible" ? 1 : 0);
    const candidates = windows.filter((w) => !link || new URL(link, w.url).origin === new URL(w.url).origin);
    return candidates.sort((a, b) => rank(b) - rank(a))[0];
  }
  function samePage(a, b) {
    if (!a || !b) return false;
    const [x, y] = [new URL(a), new URL(b, a)];
    return x.origin === y.origin && x.pathname === y.pathname && x.search === y.search;
  }

  // src/worker/receipts.ts
  var batch = 100;
  var syncTag = "doorbell-receipts";
  var Receipts = class {
    constructor(database2, sender) {
      this.database = database2;
      this.sender = sender;
    }
    database;
    sender;
    async add(settings2, receipts2) {
      if (!settings2?.receiptsURL || !settings2.receiptToken) return;
      await this.database.addReceipts(receipts2.map((r) => ({ ...r, at: Math.round(r.at), token: settings2.receiptToken })));
      await this.flush(settings2);
    }
    /** flush posts what waits, the oldest first. Posting twice is safe: of each event the server keeps the earliest time. */
    async flush(settings2) {
      if (!settings2?.receiptsURL) return;
      for (; ; ) {
        const { keys, list } = await this.database.receipts(batch);
        const token = list[0]?.token;
        if (token === void 0) return;
        const others = list.findIndex((r) => r.token !== token);
        const n = others < 0 ? list.length : others;
        const told = await this.post(settings2.receiptsURL, token, list.slice(0, n));
        if (!told) {
          await this.sender.later();
          return;
        }
        await this.database.removeReceipts(keys.slice(0, n));
      }
    }
    /** post reports whether the server has taken the receipts, or never will. */
    async post(url, token, waiting) {
      try {
        const answer = await this.sender.fetch(url, {
          method: "POST",
          headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
          credentials: "omit",
          body: JSON.stringify({ receipts: waiting.map(({ token: _, ...receipt }) => receipt) })
        });
        return answer.ok || answer.status >= 400 && answer.status < 500 && answer.status !== 408 && answer.status !== 429;
      } catch {
        return false;
      }
    }
  };

  // src/worker/worker.ts
  var database = new Database(self.registration.scope);
  var receipts = new Receipts(database, {
    fetch: (url, init) => fetch(url, init),
    later: async () => {
      const sync = self.registration.sync;
      await sync?.register(syncTag).catch(() => {
      });
    }
  });
  self.addEventListener("install", () => {
    void self.skipWaiting();
  });
  self.addEventListener("push", (event) => {
    const push = parse(event.data?.text());
    if (push) event.waitUntil(arrived(push));
  });
  self.addEventListener("notificationclick", (event) => {
    const shown = event.notification.data;
    if (!shown?.message) return;
    event.notification.close();
    event.waitUntil(clicked(event.action ? { ...shown, message: { ...shown.message, action: event.action } } : shown));
  });
  self.addEventListener("pushsubscriptionchange", (event) => {
    event.waitUntil(tell({ doorbell: "resubscribe", scope: self.registration.scope }));
  });
  self.addEventListener("sync", (event) => {
    if (event.tag === syncTag) event.waitUntil(settings().then((s) => receipts.flush(s)));
  });
  self.addEventListener("message", (event) => {
    if (event.data?.doorbell === "flush") event.waitUntil(settings().then((s) => receipts.flush(s)));
  });
  async function arrived(came) {
    const known = await settings();
    const { push, reason: incomplete } = await complete(came, known, (url, init) => fetch(url, init));
    const now = Date.now() - (known?.clockAheadMs ?? 0);
    const { id, kind, key, tag, expiresAt } = identity(push);
    if (ends(push)) {
      for (const n of await self.registration.getNotifications()) if (takesAway(push, n.data)) n.close();
    }
    const [first, about] = await Promise.all([
      id ? database.first({ key, id, kind, at: now, expiresAt }).catch(() => true) : true,
      id ? database.about(id).catch(() => []) : []
    ]);
    const standing = first && !replaces(kind) ? [] : (await self.registration.getNotifications({ tag })).map((n) => n.data).filter((d) => d?.message);
    const { message, show, reason } = decide(push, now, first, standing, about, self.missedCallText ?? "Missed call");
    const happened = [{ id, kind, event: "arrived", at: now }];
    if (show) {
      try {
        await self.registration.showNotification(show.title, show.options);
        const why = reason ?? incomplete;
        happened.push({ id, kind, event: "shown", at: now, ...why && why !== "duplicate" ? { reason: why } : {} });
      } catch (err) {
        happened.push({ id, kind, event: "dropped", at: now, reason: errorName(err) });
      }
    } else if (reason && reason !== "silent") {
      happened.push({ id, kind, event: "dropped", at: now, reason });
    }
    const silent = reason === "silent";
    const unseen = reason === "duplicate" || ends(push) || !show && !silent;
    await Promise.all([
      unseen ? void 0 : hook(silent ? self.onThroughMessageReceived : self.onNotificationArrived, message),
      unseen ? void 0 : tell({ doorbell: silent ? "through" : "arrived", scope: self.registration.scope, message }),
      tellServer(known, happened),
      first ? setBadge(push.data?.badge) : void 0
    ]);
  }
  async function setBadge(badge) {
    const { navigator } = self;
    if (badge && /^\d+$/.test(badge)) await navigator?.setAppBadge?.(Number(badge)).catch(() => {
    });
  }
  async function clicked({ message, id, kind, link }) {
    const known = await settings();
    const answer = await hook(self.onNotificationClicked, message);
    if (answer !== false) await open(message, link, known);
    const at = Date.now() - (known?.clockAheadMs ?? 0);
    await tellServer(known, [{ id, kind, event: "clicked", at }]);
  }
  async function tellServer(known, happened) {
    if (!happened[0]?.id || !happened[0].kind) return;
    await receipts.add(known, happened).catch(() => {
    });
  }
  function errorName(err) {
    return /^\w{1,64}$/.exec(err?.name ?? "")?.[0] ?? "Error";
  }
  async function open(message, link, known) {
    const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const target = pickWindow(windows, link, known?.appURL ?? "");
    if (target) {
      await target.focus().catch(() => void 0);
      target.postMessage({ doorbell: "clicked", scope: self.registration.scope, message });
      return;
    }
    await database.stash({ message, at: Date.now() }).catch(() => {
    });
    await self.clients.openWindow(link || known?.appURL || "/").catch(() => null);
  }
  async function hook(f, message) {
    try {
      return await f?.(message);
    } catch (err) {
      console.error(err);
      return void 0;
    }
  }
  async function tell(news) {
    for (const page of await self.clients.matchAll({ type: "window", includeUncontrolled: true })) page.postMessage(news);
  }
  async function settings() {
    return database.settings().catch(() => void 0);
  }
})();

// From here on it is yours: rewrite these as you need them.

// Called for each push that arrives and shows something; message.extra.payload
// is the sender's payload.
self.onNotificationArrived = function onNotificationArrived(message) {
};

// Called for a click on a notification, before your page is opened or brought to
// the front. Return false to do that yourself.
self.onNotificationClicked = function onNotificationClicked(message) {
};

// What a call's notification says that arrives when the call is over.
self.missedCallText = "Missed call";

