// A page's surroundings, for node: window, document, storage, locks, service
// workers and notifications, as far as the SDK looks at them.
import "fake-indexeddb/auto";

export class Page extends EventTarget {
  visibilityState: "visible" | "hidden" = "visible";
}

/** What was asked of the server, and what it answers. */
export interface Asked { method: string; path: string; body: Record<string, unknown>; auth: string; keepalive: boolean }

export class Net {
  asked: Asked[] = [];
  /** By path; a function sees the request. A number is an HTTP status. */
  answers = new Map<string, object | number | ((asked: Asked) => object | number)>();

  fetch = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const { pathname, search } = new URL(url, "https://app.example");
    const asked: Asked = {
      method: init.method ?? "GET", path: pathname + search,
      body: typeof init.body === "string" ? JSON.parse(init.body) as Record<string, unknown> : {},
      auth: new Headers(init.headers).get("Authorization") ?? "", keepalive: init.keepalive === true,
    };
    this.asked.push(asked);
    const answer = this.answers.get(pathname) ?? 404;
    const value = typeof answer === "function" ? answer(asked) : answer;
    if (value === 0) throw new TypeError("Failed to fetch");
    return typeof value === "number" ? new Response("", { status: value }) : Response.json(value, { status: "error" in value ? 400 : 200 });
  };

  to(path: string): Asked[] {
    return this.asked.filter((asked) => asked.path.split("?")[0] === path);
  }
}

export interface Shown { title: string; options: Record<string, unknown> }

/** Sets up globalThis as a page of its own, and returns what tests steer. */
export function newPage() {
  const document = new Page();
  const window = new EventTarget();
  const net = new Net();
  net.answers.set("/presence", () => ({ leaseSeconds: 120, serverTime: Date.now() }));
  net.answers.set("/sync", { messageList: [], callList: [], cursor: "c", hasMore: false });
  const stored = new Map<string, string>();
  const notification = { permission: "granted", asked: 0, answer: "granted" };
  const worker = Object.assign(new EventTarget(), { state: "activated", postMessage: () => {} });
  const shown: { data: unknown; close(): void; closed: boolean }[] = [];
  // The browser's push subscription; `ended` counts those that were unsubscribed.
  const push = { ended: 0, subscription: { unsubscribe: () => Promise.resolve(++push.ended > 0) } as object | null };
  const registration = {
    pushManager: { getSubscription: () => Promise.resolve(push.subscription) },
    scope: `https://app.example/scope-${Math.random()}`, active: worker, installing: null, waiting: null,
    getNotifications: () => Promise.resolve(shown.filter((n) => !n.closed)),
  };
  const workers = Object.assign(new EventTarget(), {
    registered: [] as string[],
    failure: undefined as Error | undefined,
    startMessages: () => {},
    register(url: string) {
      if (this.failure) return Promise.reject(this.failure);
      this.registered.push(url);
      return Promise.resolve(registration);
    },
    getRegistration: () => Promise.resolve(registration),
  });
  const set = (name: string, value: unknown): void => {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  };
  set("window", window);
  set("document", document);
  set("location", { origin: "https://app.example", href: "https://app.example/chat#x" });
  set("isSecureContext", true);
  set("localStorage", {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => { stored.set(key, value); },
    removeItem: (key: string) => { stored.delete(key); },
  });
  set("navigator", { serviceWorker: workers, language: "en-GB" });
  set("PushManager", class {});
  set("Notification", {
    get permission() { return notification.permission; },
    requestPermission: () => {
      notification.asked++;
      notification.permission = notification.answer;
      return Promise.resolve(notification.answer);
    },
  });
  set("fetch", net.fetch);
  set("DOORBELL_CONFIG", { firebase: { apiKey: "key", projectId: "project" }, baseURL: "https://doorbell.example/" });
  return { window, document, net, stored, notification, workers, registration, shown, push };
}

/** until waits for something that promises bring about, a second at most, whatever a test makes of the clock. */
export async function until(what: () => boolean): Promise<void> {
  for (const end = performance.now() + 1000; !what();) {
    if (performance.now() > end) throw new Error(`never: ${what.toString()}`);
    await new Promise((done) => { setTimeout(done, 2); });
  }
}
