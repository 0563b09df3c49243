// Whether the server knows who looks at a page: a real browser's tabs, visibility
// and network.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Device, hide, launch, record, recorded } from './browser.mjs';
import { startSite } from './site.mjs';
import { presence, send, unique, until, verdict } from './system.mjs';

let browser, site;

before(async () => {
  [browser, site] = await Promise.all([launch(), startSite()]);
});

after(async () => {
  await browser?.close();
  site?.close();
});

/** visitor is somebody at the site, on a device of theirs. */
async function visitor(t) {
  const ben = unique('ben');
  const device = await Device.open(browser, site, unique('who').replace('-', ''));
  t.after(() => device.close());
  await device.visit();
  await device.logIn(ben);
  return { ben, device };
}

/** is waits until the server has a user's only device in a state. */
async function is(userID, state) {
  let states;
  await until(`${userID} to be ${state}`, async () => {
    ({ states } = await presence(userID));
    return Object.values(states).join() === state;
  }).catch((err) => { throw new Error(`${err.message}; the server has ${JSON.stringify(states)}`); });
}

/** told resolves once a page has told the server n times how it is. */
function told(page, n) {
  return new Promise((done) => {
    page.on('response', (r) => {
      if (r.url().endsWith('/presence') && r.request().method() === 'POST' && --n === 0) done();
    });
  });
}

test('hidden: background, and it rings; looked at again: online, and it does not', async (t) => {
  const { ben, device } = await visitor(t);
  await is(ben, 'online');
  await hide(device.page);
  await is(ben, 'background');
  const rung = await send(unique('ada'), ben);
  assert.deepEqual((await verdict({ message: rung.messageID }, ben)).map((o) => o.status), ['sent']);
  await hide(device.page, false);
  await is(ben, 'online');
  const not = await send(unique('ada'), ben);
  assert.deepEqual(await verdict({ message: not.messageID }, ben), [{ status: 'skipped', detail: 'online' }]);
  assert.deepEqual(device.wrong, []);
});

test('the page goes: offline', async (t) => {
  const { ben, device } = await visitor(t);
  await device.leave();
  await is(ben, 'offline');
});

for (const which of ['first', 'second']) {
  test(`two tabs are one device: with the ${which} closed it is online still, with the other offline`, async (t) => {
    const { ben, device } = await visitor(t);
    const first = device.page;
    const second = await device.visit();
    await device.logIn(ben);
    await is(ben, 'online');
    const [goes, stays] = which === 'first' ? [first, second] : [second, first];
    // The first tab leads: the other takes its place, and says so twice.
    const taken = which === 'first' ? told(stays, 2) : undefined;
    await goes.close({ runBeforeUnload: true });
    await taken;
    await is(ben, 'online');
    await hide(stays);
    await is(ben, 'background');
    await stays.close({ runBeforeUnload: true });
    await is(ben, 'offline');
  });
}

test('a window with several tabs is closed: offline', async (t) => {
  const { ben, device } = await visitor(t);
  const pages = [device.page];
  for (let i = 0; i < 2; i++) {
    pages.push(await device.visit());
    await device.logIn(ben);
  }
  await Promise.all(pages.map((page) => page.close({ runBeforeUnload: true })));
  await is(ben, 'offline');
});

test('the network goes and comes back: reconnecting, connected, and what was missed is there', async (t) => {
  const { ben, device } = await visitor(t);
  const ada = unique('ada');
  await record(device.page, 'connectionStateChanged', 'conversationSyncStateChanged', 'peerMessageReceived', 'receivePeerMessage');
  await device.context.setOffline(true);
  const [lost] = await recorded(device.page, 'connectionStateChanged');
  assert.equal(lost.state, 3);
  await send(ada, ben, 'while you had no network');
  await device.context.setOffline(false);
  const [received] = await recorded(device.page, 'peerMessageReceived');
  assert.deepEqual(received.messageList.map((m) => m.message), ['while you had no network']);
  const states = await recorded(device.page, 'connectionStateChanged', 2);
  assert.deepEqual(states.map((e) => e.state), [3, 2]);
  await until('the sync to be over', async () => (await recorded(device.page, 'conversationSyncStateChanged')).some((e) => e.state === 1));
  await is(ben, 'online');
  await send(ada, ben, 'and now');
  const both = await recorded(device.page, 'peerMessageReceived', 2);
  assert.deepEqual(both.map((e) => e.messageList.map((m) => m.message).join()), ['while you had no network', 'and now']);
});
