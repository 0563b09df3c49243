// The service worker alone, with no page of its site open.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';

import { Device, launch } from './browser.mjs';
import { startSite } from './site.mjs';
import { call, send, unique, until } from './system.mjs';

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

/** fresh is a push as FCM was really given one, for a new message. */
async function fresh(text, from = unique('ada')) {
  return caused(() => send(from, user, text, { payload: 'p' }));
}

/** caused is the push that comes of doing something. */
async function caused(act) {
  const before = (await device.pushes()).length;
  await act();
  const pushes = await until('the push', async () => {
    const all = await device.pushes();
    return all.length > before && all;
  });
  return pushes.at(-1);
}

beforeEach(async () => {
  const worker = await device.worker();
  await worker.evaluate(async () => { for (const n of await self.registration.getNotifications()) n.close(); });
  await device.sleep();
});

test('listens to push as soon as it is evaluated', async () => {
  await device.push(await fresh('hello'));
  await until('a notification', async () => (await device.shown()).length > 0);
  const worker = await device.worker();
  const { heard, heardAtOnce } = await worker.evaluate(() => ({ heard: self.heard, heardAtOnce: self.heardAtOnce }));
  for (const type of ['push', 'notificationclick']) assert.ok(heardAtOnce.includes(type), `${type} is not among ${heardAtOnce}`);
  assert.deepEqual(heard, heardAtOnce, 'something was added later');
});

test('a push with no page open shows one notification', async () => {
  assert.deepEqual(device.context.pages().map((p) => p.url()), ['about:blank']);
  const push = await fresh('one');
  await device.push(push);
  const [shown] = await device.waitShown(`${push.notification.title}: one`);
  assert.equal(shown.tag, push.data.id);
});

test('a repeated push shows one notification', async () => {
  const [push, last] = [await fresh('again'), await fresh('last')];
  const title = push.notification.title;
  await device.push(push);
  await device.waitShown(`${title}: again`);
  await device.sleep(); // a repeat may find the worker awake or not
  await device.push(push);
  await device.push(push);
  await device.push(last); // once it is shown, those before it are done
  await device.waitShown(`${title}: again`, `${last.notification.title}: last`);
});

test('two messages show two notifications', async () => {
  const [a, b] = [await fresh('first'), await fresh('second')];
  await device.push(a);
  await device.push(b);
  await device.waitShown(`${a.notification.title}: first`, `${b.notification.title}: second`);
});

test('what is read on another device is taken away, and what came later stays', async () => {
  const ada = unique('ada');
  const [one, two, other] = [await fresh('one', ada), await fresh('two', ada), await fresh('three')];
  for (const push of [one, two, other]) await device.push(push);
  await device.waitShown(`${ada}: one`, `${ada}: two`, `${other.notification.title}: three`);
  const read = (messageSeq) => caused(() => call(user, '/read', { conversationID: ada, conversationType: 0, messageSeq }));
  await device.push(await read(Number(one.data.messageSeq)));
  await device.waitShown(`${ada}: two`, `${other.notification.title}: three`);
  await device.push(await read(0));
  await device.waitShown(`${other.notification.title}: three`);
});

test('a call that arrives after its end is shown as missed, not as ringing', async () => {
  const push = await fresh('x');
  const late = {
    ...push,
    notification: { title: 'Ada', body: 'Incoming call', tag: 'call-1', requireInteraction: true },
    data: { kind: 'call', id: 'call-1', callID: 'c1', senderUserID: 'ada', expiresAt: String(Date.now() - 1000) },
  };
  await device.push(late);
  const shown = await until('a notification', async () => {
    const all = await device.shown();
    return all.length > 0 && all;
  });
  assert.equal(shown.length, 1);
  assert.notEqual(shown[0].body, 'Incoming call');
  assert.match(shown[0].body, /missed/i);
});
