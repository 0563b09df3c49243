// The buttons of a resource, on a notification of the browser's.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Device, hide, launch } from './browser.mjs';
import { startSite } from './site.mjs';
import { send, unique, until } from './system.mjs';

let browser, site;

before(async () => { [browser, site] = await Promise.all([launch(), startSite()]); });

after(async () => {
  await browser?.close();
  site?.close();
});

/** pushed is a device, of somebody who reads a language and has left, that shows a message in the resource "chat". */
async function pushed(t, locale) {
  const [ada, user] = [unique('ada'), unique('ben')];
  const device = await Device.open(browser, site, 'ben', {}, { locale });
  t.after(() => device.close());
  await device.visit();
  await device.logIn(user);
  await device.leave();
  const { messageID: tag } = await send(ada, user, 'hello', { payload: 'p', resourcesID: 'chat' });
  const [push] = await device.deliver(1);
  await device.waitShown(`${ada}: hello`);
  return { device, user, tag, push };
}

/** buttons is those of the notification that a device shows. */
const buttons = async (device) => (await device.worker()).evaluate(async () => {
  const [{ actions }] = await self.registration.getNotifications();
  return actions.map(({ action, title }) => `${action}: ${title}`);
});

/** opening has a worker say what it opens: a browser opens a window for a person's click only. */
const opening = async (device) => (await device.worker()).evaluate(() => {
  self.opened = [];
  self.clients.openWindow = async (url) => { self.opened.push(new URL(url, self.registration.scope).href); return null; };
});

/** opened waits until it has opened something, and is that. */
const opened = (device) => until('a window', async () => {
  const urls = await (await device.worker()).evaluate(() => self.opened);
  return urls.length > 0 && urls;
});

for (const [locale, ...wanted] of [
  ['en-GB', 'reply: Reply', 'read: Mark as read'],
  ['de-AT', 'reply: Antworten', 'read: Als gelesen markieren'],
  ['ja', 'reply: Reply', 'read: Mark as read'],
]) {
  test(`the buttons are there, in the words of the device's language, ${locale}`, async (t) => {
    const { device } = await pushed(t, locale);
    assert.deepEqual(await buttons(device), wanted);
  });
}

test('a click on a button with no page open: the app is opened, and is told which one', async (t) => {
  const { device, user, tag } = await pushed(t, 'en');
  await opening(device);
  await device.click(tag, 'read');
  assert.deepEqual(await opened(device), [`${site.origin}/`]); // the page that registered
  await device.waitShown();
  const page = await device.visit(); // as the browser would
  await page.evaluate(() => {
    self.clicked = [];
    ZPNs.getInstance().on('notificationClicked', (message) => self.clicked.push(message));
  });
  await device.logIn(user);
  const [message] = await until('notificationClicked', () => page.evaluate(() => self.clicked.length > 0 && self.clicked));
  assert.deepEqual([message.action, message.content, message.extra.payload], ['read', 'hello', 'p']);
  assert.deepEqual(device.wrong, []);
});

test('a push with a link of its own: a button opens that, as a click beside the buttons does', async (t) => {
  const { device, push } = await pushed(t, 'en');
  const link = `${site.origin}/module.html`;
  for (const [n, action] of ['reply', ''].entries()) {
    const id = unique('m');
    await device.push({
      ...push, fcmOptions: { link }, notification: { ...push.notification, tag: id, title: `link ${n}` }, data: { ...push.data, id },
    });
    await until('the notification', async () => (await device.shown()).some((s) => s.tag === id));
    await opening(device);
    await device.click(id, action);
    assert.deepEqual(await opened(device), [link]);
  }
});

test('a click on a button with a page open: that page is told which one', async (t) => {
  const { device, user, tag } = await pushed(t, 'en');
  const page = await device.visit();
  await page.evaluate(() => {
    self.clicked = [];
    ZPNs.getInstance().on('notificationClicked', (message) => self.clicked.push(message));
  });
  await device.logIn(user);
  await hide(page);
  await opening(device);
  await device.click(tag, 'reply');
  const [message] = await until('notificationClicked', () => page.evaluate(() => self.clicked.length > 0 && self.clicked));
  assert.equal(message.action, 'reply');
  assert.deepEqual(await (await device.worker()).evaluate(() => self.opened), []);
  assert.deepEqual(device.wrong, []);
});
