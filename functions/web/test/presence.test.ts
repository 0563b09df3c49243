import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { Presence } from "../src/presence.js";
import type { TabChannel, TabPlatform } from "../src/tabs.js";
import { settled } from "./fakes/clock.js";

/** A browser with tabs: they hear each other, and one holds the lock. */
class Browser implements TabPlatform {
  private readonly open_ = new Set<TabChannel>();
  private readonly waiting: { lead: () => void; gone: boolean }[] = [];
  said: string[] = []; // "state acked", in the order the server heard it
  lasting: boolean[] = []; // whether each would outlive its page
  /** What the server answers: an error to throw, or nothing. */
  failure: Error | undefined;
  acked = 0;

  open = (): TabChannel => {
    const channel: TabChannel = {
      onmessage: null,
      postMessage: (data) => {
        const copy = structuredClone(data);
        for (const other of this.open_) if (other !== channel) queueMicrotask(() => { if (this.open_.has(other)) other.onmessage?.({ data: copy }); });
      },
      close: () => { queueMicrotask(() => this.open_.delete(channel)); },
    };
    this.open_.add(channel);
    return channel;
  };

  lock = (_name: string, lead: () => void): (() => void) => {
    const me = { lead, gone: false };
    this.waiting.push(me);
    if (this.waiting.length === 1) queueMicrotask(() => { if (!me.gone) lead(); });
    return () => {
      me.gone = true;
      const led = this.waiting[0] === me;
      this.waiting.splice(this.waiting.indexOf(me), 1);
      if (led) this.waiting[0]?.lead();
    };
  };

  /** A new tab. Its surroundings are set while it is made: in a browser each has its own. */
  async tab(context: TestContext, visible = true) {
    const document = Object.assign(new EventTarget(), { visibilityState: visible ? "visible" : "hidden" });
    const window = new EventTarget();
    const here = <T>(f: () => T): T => {
      Object.assign(globalThis, { document, window });
      return f();
    };
    const lost: unknown[] = [];
    const say = (body: object, keepalive = false): void => {
      const { state, ackedUpTo } = body as { state: string; ackedUpTo?: number };
      this.said.push(ackedUpTo ? `${state} ${ackedUpTo}` : state);
      this.lasting.push(keepalive);
    };
    const api = {
      post: (_path: string, body: object, { keepalive } = { keepalive: false }) => {
        if (this.failure) return Promise.reject(this.failure);
        say(body, keepalive);
        return Promise.resolve({ leaseSeconds: 120, serverTime: 0 } as never);
      },
      beacon: (_path: string, body: object) => say(body, true),
    };
    const presence = here(() => new Presence(api, "device", "key", 300_000, { ackedUpTo: () => this.acked, lost: (err) => lost.push(err), told: () => {} }, this));
    const started = here(() => presence.start());
    started.catch(() => {}); // the test looks at it later
    await settled();
    context.mock.timers.tick(100);
    await settled();
    return {
      presence, lost, started,
      show: async (yes: boolean) => {
        document.visibilityState = yes ? "visible" : "hidden";
        here(() => document.dispatchEvent(new Event("visibilitychange")));
        await this.pass(context, 0);
      },
      type: async () => {
        here(() => window.dispatchEvent(new Event("keydown")));
        await this.pass(context, 0);
      },
      leave: async () => {
        here(() => window.dispatchEvent(new Event("pagehide")));
        await this.pass(context, 0);
      },
      comeBack: async () => {
        here(() => window.dispatchEvent(new Event("pageshow")));
        await this.pass(context, 0);
      },
      /** goes fires an event of the page and lets nothing else have its turn. */
      goes: (type: "pagehide" | "visibilitychange") => {
        if (type === "visibilitychange") document.visibilityState = "hidden";
        here(() => (type === "pagehide" ? window : document).dispatchEvent(new Event(type)));
      },
      /** What becomes of a tab that is closed: its channel and lock are gone. */
      close: async () => {
        here(() => window.dispatchEvent(new Event("pagehide")));
        presence.stop();
        await this.pass(context, 0);
      },
    };
  }

  /** pass lets ms go by, in steps that give promises their turn. */
  async pass(context: TestContext, ms: number): Promise<void> {
    for (let left = ms; ; left -= 1000) {
      context.mock.timers.tick(Math.max(0, Math.min(left, 1000)));
      for (let turn = 0; turn < 3; turn++) {
        await settled();
        context.mock.timers.tick(0);
      }
      await settled();
      if (left <= 1000) return;
    }
  }

  heard(): string[] {
    return this.said.splice(0);
  }
}

const start = (context: TestContext): Browser => {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  return new Browser();
};

test("one word on login, then one each half of the lease while somebody looks", async (context) => {
  const browser = start(context);
  const tab = await browser.tab(context);
  await browser.pass(context, 1000);
  assert.deepEqual(browser.heard(), ["online"]);
  await browser.pass(context, 180_000);
  assert.deepEqual(browser.heard(), ["online", "online", "online"]);
  browser.acked = 77;
  await browser.pass(context, 60_000);
  assert.deepEqual(browser.heard(), ["online 77"]);
  tab.presence.stop();
  await browser.pass(context, 200_000);
  assert.deepEqual(browser.heard(), []);
});

test("hidden is background, said once; visible is online at once", async (context) => {
  const browser = start(context);
  const tab = await browser.tab(context);
  browser.heard();
  await tab.show(false);
  assert.deepEqual(browser.heard(), ["background"]);
  await browser.pass(context, 600_000);
  assert.deepEqual(browser.heard(), []);
  await tab.show(true);
  assert.deepEqual(browser.heard(), ["online"]);
});

test("a page that is opened in the background says so", async (context) => {
  const browser = start(context);
  await browser.tab(context, false);
  assert.deepEqual(browser.heard(), ["background"]);
});

test("a visible page that nobody touches is background, and online at the next touch", async (context) => {
  const browser = start(context);
  const tab = await browser.tab(context);
  await browser.pass(context, 299_000);
  await tab.type();
  await browser.pass(context, 299_000);
  assert.ok(browser.heard().every((word) => word === "online"));
  await browser.pass(context, 2_000);
  assert.deepEqual(browser.heard(), ["background"]);
  await tab.type();
  assert.deepEqual(browser.heard(), ["online"]);
});

test("the page goes: offline, at once, and background doesn't follow", async (context) => {
  const browser = start(context);
  const tab = await browser.tab(context);
  browser.heard();
  await tab.leave();
  await tab.show(false);
  await browser.pass(context, 120_000);
  assert.deepEqual(browser.heard(), ["offline"]);
});

test("a page that comes back from the browser's cache is online again", async (context) => {
  const browser = start(context);
  const tab = await browser.tab(context);
  await tab.leave();
  browser.heard();
  await tab.comeBack();
  assert.deepEqual(browser.heard(), ["online"]);
  await browser.pass(context, 60_000);
  assert.deepEqual(browser.heard(), ["online"]);
});

test("several tabs are one device: online while any is looked at, one of them says so", async (context) => {
  const browser = start(context);
  const first = await browser.tab(context);
  await first.show(false);
  const second = await browser.tab(context);
  browser.heard();
  await browser.pass(context, 120_000);
  assert.deepEqual(browser.heard(), ["online", "online"], "the hidden leader speaks for the visible one");
  await second.show(false);
  assert.deepEqual(browser.heard(), ["background"]);
  await first.show(true);
  assert.deepEqual(browser.heard(), ["online"]);
});

test("a tab opened in the background doesn't make a device that is looked at one that isn't", async (context) => {
  const browser = start(context);
  await browser.tab(context);
  await browser.tab(context, false);
  assert.deepEqual(browser.heard(), ["online", "online"]);
});

test("the leader goes: its successor says so at once, and again, for the last words of the first may come late", async (context) => {
  const browser = start(context);
  const first = await browser.tab(context);
  await first.show(false);
  const second = await browser.tab(context);
  browser.heard();
  await first.close();
  assert.deepEqual(browser.heard(), ["offline", "online"]);
  await browser.pass(context, 10_000);
  assert.deepEqual(browser.heard(), ["online"]);
  await browser.pass(context, 60_000);
  assert.deepEqual(browser.heard(), ["online"]);
  await second.leave();
  assert.deepEqual(browser.heard(), ["offline"]);
});

test("a window that closes takes all of its tabs along: offline is the last word, whoever heard of whom", async (context) => {
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 0, 2]]) {
    const browser = new Browser();
    if (order[0] === 0) context.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
    const tabs = [await browser.tab(context), await browser.tab(context, false), await browser.tab(context, false)];
    await browser.pass(context, 1000);
    browser.heard();
    for (const i of order) tabs[i]!.goes("pagehide");
    for (const tab of tabs) tab.presence.stop();
    await browser.pass(context, 10_000);
    assert.equal(browser.heard().at(-1), "offline", String(order));
  }
});

test("a tab that isn't the leader goes without a word", async (context) => {
  const browser = start(context);
  await browser.tab(context);
  const second = await browser.tab(context, false);
  browser.heard();
  await second.close();
  assert.deepEqual(browser.heard(), []);
});

test("what is said of a hidden page is said at once, and outlives it", async (context) => {
  const browser = start(context);
  const tab = await browser.tab(context);
  browser.heard();
  browser.lasting = [];
  tab.goes("visibilitychange");
  await settled(); // and no timer fires: a page may be frozen by then
  assert.deepEqual([browser.heard(), browser.lasting], [["background"], [true]]);
  await tab.show(true);
  assert.deepEqual([browser.heard(), browser.lasting], [["online"], [true, false]]);
});

test("a tab that vanished without a word is forgotten, and is looked at by nobody", async (context) => {
  const browser = start(context);
  const first = await browser.tab(context);
  await first.show(false);
  const second = await browser.tab(context);
  // A crash: neither pagehide nor a last word.
  const { tabs } = second.presence as unknown as { tabs: { channel: TabChannel; release: () => void } };
  Object.assign(tabs.channel, { onmessage: null, postMessage: () => {} });
  tabs.release();
  await browser.pass(context, 600_000);
  assert.equal(browser.heard().at(-1), "background");
  await first.leave();
  assert.deepEqual(browser.heard(), ["offline"]);
});

test("a heartbeat that fails is repeated soon", async (context) => {
  const browser = start(context);
  const tab = await browser.tab(context);
  browser.heard();
  browser.failure = new Error("offline");
  await browser.pass(context, 61_000);
  assert.equal(tab.lost.length, 1);
  browser.failure = undefined;
  await browser.pass(context, 5_000);
  assert.deepEqual(browser.heard(), ["online"]);
});

test("woken: said at once, by the leader alone", async (context) => {
  const browser = start(context);
  const first = await browser.tab(context);
  const second = await browser.tab(context);
  browser.heard();
  second.presence.wake();
  await browser.pass(context, 0);
  assert.deepEqual(browser.heard(), []);
  first.presence.wake();
  await browser.pass(context, 0);
  assert.deepEqual(browser.heard(), ["online"]);
});

test("a login fails where the server can't be told", async (context) => {
  const browser = start(context);
  browser.failure = new Error("offline");
  const tab = await browser.tab(context);
  await assert.rejects(tab.started, /offline/);
});

test("logout is the last word", async (context) => {
  const browser = start(context);
  const tab = await browser.tab(context);
  browser.heard();
  await tab.presence.logout();
  await tab.leave();
  await browser.pass(context, 300_000);
  assert.deepEqual(browser.heard(), ["logout"]);
});
