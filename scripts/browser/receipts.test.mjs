// What the real service worker tells of pushes, as the trace has it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Device, launch } from './browser.mjs';
import { startSite } from './site.mjs';
import { receipts, send, unique, until, web } from './system.mjs';

let browser, site, device, user;

before(async () => {
  [browser, site] = await Promise.all([launch(), startSite()]);
  user = unique('ben');
  device = await Device.open(browser, site, 'ben');
  await device.visit();
  await device.logIn(user);
  await device.leave();
});

after(async () => {
  await browser?.close();
  site?.close();
});

/** pushed sends the user a message and hands its push to the worker. */
async function pushed(text) {
  const sent = await send(unique('ada'), user, text);
  const push = await until('the push', async () => (await device.pushes()).find((p) => p.data.id === sent.messageID));
  await device.push(push);
  return { ...sent, push };
}

const events = async (id) => Object.keys(await receipts(id, user)).sort().join();

test('a push with no page open is told as arrived and shown, a click as clicked', async () => {
  const began = Date.now();
  await device.sleep();
  const { messageID, push } = await pushed('hello');
  await until('arrived and shown', async () => (await events(messageID)) === 'arrived,shown');
  await device.push(push); // a repeat
  await device.click(messageID);
  await until('a click', async () => (await events(messageID)).includes('clicked'));
  const told = await receipts(messageID, user);
  for (const at of [told.arrived, told.shown, told.clicked]) assert.ok(at > began - 5000 && at <= Date.now() + 5000, `${at} is another time`);
  assert.ok(told.arrived <= told.shown && told.shown <= told.clicked, JSON.stringify(told));
});

test('what happened offline is told once the browser is online again', async () => {
  await device.context.setOffline(true);
  const { messageID } = await pushed('offline');
  await until('the notification', async () => (await device.shown()).some((n) => n.tag === messageID));
  assert.equal(await (await device.worker()).evaluate((url) => fetch(url).then(() => 'online', () => 'offline'), `${web}/local/config`), 'offline');
  await until('two that wait', async () => (await waiting()) === 2);
  assert.equal(await events(messageID), '');

  await device.context.setOffline(false);
  await device.visit(); // the page wakes the worker, where the browser's sync hasn't yet
  await device.logIn(user);
  await until('arrived and shown', async () => (await events(messageID)) === 'arrived,shown');
  await until('an empty queue', async () => (await waiting()) === 0);
  const first = await receipts(messageID, user);
  await device.leave();
  await pushed('next'); // posts what waits, if anything did
  assert.deepEqual(await receipts(messageID, user), first);
  assert.deepEqual(device.wrong, []);
});

/** waiting is how many receipts the worker still has. */
async function waiting() {
  const worker = await device.worker();
  return worker.evaluate(() => new Promise((done, failed) => {
    const opened = indexedDB.open(`doorbell:${new URL(self.registration.scope).pathname}`);
    opened.onerror = () => failed(opened.error);
    opened.onsuccess = () => {
      const count = opened.result.transaction('receipts').objectStore('receipts').count();
      count.onsuccess = () => { opened.result.close(); done(count.result); };
    };
  }));
}
