// What reaches a browser that is told IDs only, and what it shows.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Device, launch } from './browser.mjs';
import { startSite } from './site.mjs';
import { call, receipts, send, unique, until } from './system.mjs';

let browser, site, device, user;

before(async () => {
  [browser, site] = await Promise.all([launch(), startSite()]);
  user = unique('ben');
  device = await Device.open(browser, site, 'ben');
  await device.visit();
  await device.logIn(user);
  await call(user, '/notification-settings', { privacy: 'id' });
  await device.leave();
});

after(async () => {
  await browser?.close();
  site?.close();
});

/** pushed sends the user a message and hands its push to the worker. */
async function pushed(from, text) {
  const { messageID } = await send(from, user, text);
  const push = await until('the push', async () => (await device.pushes()).find((p) => p.data.id === messageID));
  assert.ok(!JSON.stringify(push).includes(text), 'the push has the words');
  await device.push(push);
  return messageID;
}

test('a push that says only IDs shows what the worker gets from the server, once', async () => {
  const ada = unique('ada');
  await device.sleep();
  const id = await pushed(ada, 'between us');
  await device.waitShown(`${ada}: between us`);
  await until('receipts', async () => 'shown' in await receipts(id, user));
});

test('where the server does not answer, it shows that there is a message', async () => {
  await device.context.setOffline(true);
  await pushed(unique('ada'), 'unheard of');
  const titles = await until('a second notification', async () => {
    const shown = await device.shown();
    return shown.length === 2 && shown.map((n) => n.title);
  });
  assert.ok(titles.includes('New message'), titles.join());
  await device.context.setOffline(false);
});
