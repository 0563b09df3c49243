// Chromium as the tests use it.
import { chromium } from 'playwright-core';

import { heardPush } from './site.mjs';
import { device, newDevice, presence, session, until } from './system.mjs';

const pushWithin = 5000; // ms; the browser has given a push to a worker, or lost it

/** launch starts the browser. */
export function launch() {
  // Without its sandbox, which a root user's Chromium refuses to start with.
  return chromium.launch({
    executablePath: process.env.DOORBELL_CHROMIUM,
    headless: process.env.DOORBELL_SHOW !== 'true',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
}

/** watch collects what a page reports as wrong. */
export function watch(page, wrong = []) {
  page.on('console', (m) => {
    if (m.type() === 'error' || m.type() === 'warning') wrong.push(`${m.text()} (${m.location().url})`);
  });
  page.on('pageerror', (err) => wrong.push(String(err)));
  return wrong;
}

/** record keeps what events of zim tell, for recorded to read. */
export function record(page, ...types) {
  return page.evaluate((wanted) => {
    self.recorded = [];
    for (const type of wanted) zim.on(type, (_, data) => self.recorded.push({ type, ...data }));
  }, types);
}

/** recorded waits until an event has come n times, and returns those. */
export const recorded = (page, type, n = 1) => until(`${n} ${type}`, async () => {
  const all = (await page.evaluate(() => self.recorded)).filter((e) => e.type === type);
  return all.length >= n && all;
});

/** hide has a page believe that nobody sees it, or does again: a headless browser shows all of its pages. */
export function hide(page, yes = true) {
  return page.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state });
    document.dispatchEvent(new Event('visibilitychange'));
  }, yes ? 'hidden' : 'visible');
}

/** known is, in a page, the token that its worker tells of pushes with. */
async function known() {
  const { scope } = (await navigator.serviceWorker.getRegistrations())[0];
  const name = `doorbell:${new URL(scope).pathname}`;
  if (!(await indexedDB.databases()).some((db) => db.name === name)) return undefined; // opening it would make an empty one
  return new Promise((done, failed) => {
    const opened = indexedDB.open(name);
    opened.onerror = () => failed(opened.error);
    opened.onsuccess = () => {
      const db = opened.result;
      const got = db.transaction('kept').objectStore('kept').get('settings');
      got.onsuccess = () => { db.close(); done(got.result?.receiptToken); };
    };
  });
}

/** Device is one browser profile of somebody, at one site: a device as Doorbell knows it. */
export class Device {
  wrong = []; // errors of all its pages
  logged = []; // what its worker wrote to the console
  #heard = []; // the pushes that its worker was given
  #delivered = 0;
  #registrations = new Map();
  #active = new Set(); // registrations with an activated worker: to another none is delivered
  #running = new Map(); // whether each version of a worker runs, by its ID

  static async open(browser, site, who, filled = {}, options = {}) {
    const d = new Device();
    d.site = site;
    d.token = await newDevice('web');
    site.fill.set(who, { webToken: d.token, ...filled });
    d.context = await browser.newContext(options);
    await d.context.addCookies([{ name: 'who', value: who, url: site.origin }]);
    await d.context.grantPermissions(['notifications'], { origin: site.origin });
    d.context.on('serviceworker', (worker) => worker.on('console', (m) => {
      const text = m.text();
      if (text.startsWith(heardPush)) d.#heard.push(text.slice(heardPush.length));
      else d.logged.push(text);
    }));
    // A page of no site holds the connection to the browser, so that the site's own can all be closed.
    d.cdp = await d.context.newCDPSession(await d.context.newPage());
    d.cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      for (const r of registrations) {
        if (r.isDeleted) d.#registrations.delete(r.registrationId);
        else d.#registrations.set(r.registrationId, r);
      }
    });
    d.cdp.on('ServiceWorker.workerVersionUpdated', ({ versions }) => {
      for (const v of versions) {
        if (v.status === 'activated') d.#active.add(v.registrationId);
        d.#running.set(v.versionId, v.runningStatus !== 'stopped');
      }
    });
    await d.cdp.send('ServiceWorker.enable');
    return d;
  }

  /** visit opens the site; at / the seed's set-up snippet runs. */
  async visit(path = '/') {
    this.page = await this.context.newPage();
    watch(this.page, this.wrong);
    await this.page.goto(this.site.origin + path);
    return this.page;
  }

  /**
   * logIn logs a user in, as the seed asks to have done before, and waits until their device is registered, the server has heard
   * that it is here, and the worker knows what it needs: who leaves sooner is looked after when the lease runs out.
   */
  async logIn(userID) {
    const { customToken } = await session(userID);
    const [registered, here] = ['/register', '/presence'].map((path) =>
      this.page.waitForResponse((r) => new URL(r.url()).pathname === path && r.request().method() === 'POST' && r.ok()));
    await this.page.evaluate(([id, token]) => zim.login(id, { userName: id, token }), [userID, customToken]);
    const { pushID, receiptToken } = await (await registered).json();
    Object.assign(this, { userID, pushID });
    await until('the worker to know', async () => (await this.page.evaluate(known)) === receiptToken);
    await here;
  }

  /** run runs one of the seed's snippets. */
  run(snippet) {
    return this.page.addScriptTag({ url: `/snippets/${snippet}.js` });
  }

  /** leave closes the tab, the only one, and waits until the server knows: who is sent something sooner is rung when the sweep comes. */
  async leave() {
    await this.page.close({ runBeforeUnload: true });
    this.page = undefined;
    if (!this.userID) return;
    await until('the server to hear that the tab went', async () => (await presence(this.userID)).states[this.pushID] !== 'online');
  }

  /** pushes is what FCM was given for this device. */
  async pushes() {
    return (await device(this.token)).messages.map((m) => m.push);
  }

  /** deliver waits until FCM was given n pushes in all, and hands those that are new to the worker. */
  async deliver(n) {
    const all = await until(`${n} pushes`, async () => {
      const got = await this.pushes();
      return got.length >= n && got;
    });
    for (; this.#delivered < all.length; this.#delivered++) await this.push(all[this.#delivered]);
    return all;
  }

  /**
   * push hands a push to the worker, as the browser does when one arrives. On a busy
   * machine Chromium may lose one that is to wake a worker: what no worker was given,
   * whatever ours would have done with it, is handed over again.
   */
  async push(data) {
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    const [registration] = await until('an active worker', () => {
      const found = [...this.#registrations.values()].filter((r) => this.#active.has(r.registrationId));
      return found.length > 0 && found;
    });
    const times = () => this.#heard.filter((h) => h === text).length;
    const before = times();
    let again = 0;
    await until('the worker to be given a push', async () => {
      if (times() > before) return true;
      if (Date.now() < again) return false;
      again = Date.now() + pushWithin;
      await this.cdp.send('ServiceWorker.deliverPushMessage', {
        origin: this.site.origin, registrationId: registration.registrationId, data: text,
      });
      return false;
    });
  }

  /** worker is the running service worker. */
  worker() {
    return until('a running worker', () => this.context.serviceWorkers().at(-1));
  }

  /** shown is the notifications that the browser shows. */
  async shown() {
    const worker = await this.worker();
    return worker.evaluate(async () => (await self.registration.getNotifications()).map(({ title, body, tag, silent }) => ({ title, body, tag, silent })));
  }

  /** waitShown waits until the browser shows notifications with these titles and bodies, and returns them. */
  async waitShown(...wanted) {
    let last;
    const text = ({ title, body }) => `${title}: ${body}`;
    await until(`notifications ${wanted.join(', ')}`, async () => {
      last = await this.shown();
      return last.map(text).sort().join() === [...wanted].sort().join();
    }).catch((err) => { throw new Error(`${err.message}; shown: ${last.map(text)}`); });
    return last;
  }

  /** click clicks a notification, or the button on it of an action. */
  async click(tag, action = '') {
    const worker = await this.worker();
    await worker.evaluate(async ([wanted, button]) => {
      const [notification] = await self.registration.getNotifications({ tag: wanted });
      self.dispatchEvent(new NotificationEvent('notificationclick', { notification, action: button }));
    }, [tag, action]);
  }

  /** sleep ends the worker; the next push wakes it. One that came while it still ends would be lost. */
  async sleep() {
    await this.cdp.send('ServiceWorker.stopAllWorkers');
    await until('the worker to end', () => ![...this.#running.values()].includes(true));
  }

  close() {
    return this.context.close();
  }
}
