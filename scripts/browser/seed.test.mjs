// The seed's snippets, unchanged, in pages of an app's own site: what they show on
// the receiver's device is read from the real service worker.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Device, hide, launch, record, recorded } from './browser.mjs';
import { startSite } from './site.mjs';
import { call, send, unique, until, verdict } from './system.mjs';

const title = 'offline push notification title';
const content = 'offline push notification content';

let browser, site;

before(async () => {
  [browser, site] = await Promise.all([launch(), startSite()]);
});

after(async () => {
  await browser?.close();
  site?.close();
});

/** visitor opens the site on a device of a user's, who logs in. */
async function visitor(t, userID, filled) {
  const d = await Device.open(browser, site, unique('who').replace('-', ''), filled);
  t.after(() => d.close());
  await d.visit();
  await d.logIn(userID);
  return d;
}

/** pair is a sender at the site and a receiver who has left it. */
async function pair(t, filled = {}) {
  const [ada, ben] = [unique('ada'), unique('ben')];
  const receiver = await visitor(t, ben);
  await receiver.leave();
  const sender = await visitor(t, ada, { toUserID: ben, invitee: ben, ...filled });
  return { ada, ben, sender, receiver };
}

test('one-to-one: one notification, with the worker asleep and no page open', async (t) => {
  const { sender, receiver } = await pair(t);
  await receiver.sleep();
  await sender.run('one-to-one');
  await receiver.deliver(1);
  const [shown] = await receiver.waitShown(`${title}: ${content}`);
  assert.ok(shown.tag, 'the notification has no tag');
  // The snippet's resourcesID is a placeholder, and who sends it is told so.
  assert.deepEqual(sender.wrong.filter((said) => !/resourcesID: there is no such resource/.test(said)), []);
  assert.equal(sender.wrong.length, 1);
  assert.deepEqual(receiver.wrong, []);
});

test('group: every offline member is shown one, the sender none', async (t) => {
  const group = unique('group');
  const { ada, ben, sender, receiver } = await pair(t, { toGroupID: group });
  await call(ada, '/group-create', { groupInfo: { groupID: group, groupName: 'Group', groupAvatarUrl: '' }, userIDs: [ben] });
  await sender.run('group');
  await receiver.deliver(1);
  await receiver.waitShown(`${title}: ${content}`);
  assert.equal((await sender.pushes()).length, 0);
});

test('call: it rings', async (t) => {
  const { sender, receiver } = await pair(t);
  await sender.run('call');
  const [push] = await receiver.deliver(1);
  await receiver.waitShown(`${title}: ${content}`);
  assert.equal(push.data.kind, 'call');
});

for (const field of ['payload', 'extendedData']) {
  test(`additional information: ${field} is there when the push arrives and when it is clicked`, async (t) => {
    const payload = '{"orderID":"A-1001","emoji":"👋"}';
    const { sender, receiver } = await pair(t, { uncomment: field, payload });
    await sender.run('one-to-one');
    await receiver.deliver(1);
    const [{ tag }] = await receiver.waitShown(`${title}: ${content}`);
    await until('onNotificationArrived', () => receiver.logged.length > 0);
    assert.deepEqual(receiver.logged, [payload]);
    await receiver.click(tag);
    await until('onNotificationClicked', () => receiver.logged.length > 1);
    assert.deepEqual(receiver.logged, [payload, payload]);
    await receiver.waitShown();
  });
}

test('a click with a page open: that page is told, with the payload, and no other one is opened', async (t) => {
  const { ben, sender, receiver } = await pair(t, { uncomment: 'payload', payload: '{"page":"chat"}' });
  await receiver.visit();
  await receiver.page.evaluate(() => {
    self.clicked = [];
    ZPNs.getInstance().on('notificationClicked', (message) => self.clicked.push(message));
  });
  await receiver.logIn(ben);
  await hide(receiver.page);
  await sender.run('one-to-one');
  await receiver.deliver(1);
  const [{ tag }] = await receiver.waitShown(`${title}: ${content}`);
  const before = receiver.context.pages().length;
  await receiver.click(tag);
  const [message] = await until('notificationClicked', () => receiver.page.evaluate(() => self.clicked.length > 0 && self.clicked));
  assert.deepEqual([message.title, message.content, message.extra.payload], [title, content, '{"page":"chat"}']);
  assert.equal(receiver.context.pages().length, before);
  await receiver.waitShown();
  assert.deepEqual(receiver.wrong, []);
});

for (const snippet of ['unregister', 'unregister-push']) {
  test(`${snippet}: no further push`, async (t) => {
    const [ada, ben] = [unique('ada'), unique('ben')];
    const receiver = await visitor(t, ben);
    const told = receiver.page.waitForResponse((r) => r.url().includes('/register') && r.request().method() === 'DELETE');
    await receiver.run(snippet);
    assert.equal((await told).status(), 200);
    await receiver.leave();
    const { messageID } = await send(ada, ben);
    for (const { status } of await verdict({ message: messageID }, ben)) assert.equal(status, 'skipped');
    assert.equal((await receiver.pushes()).length, 0);
  });
}

test('user switch: the device rings for who is logged in, and for nobody else', async (t) => {
  const [ada, ben, cleo] = [unique('ada'), unique('ben'), unique('cleo')];
  const device = await visitor(t, ben);
  await device.page.evaluate(() => zim.logout());
  await device.page.evaluate(() => { ZPNs.getInstance().register(config, zim); });
  await device.logIn(cleo);
  await device.leave();
  const toBen = await send(ada, ben, 'for ben');
  const toCleo = await send(ada, cleo, 'for cleo');
  assert.deepEqual((await verdict({ message: toBen.messageID }, ben)).map((o) => o.status), ['skipped']);
  assert.deepEqual((await verdict({ message: toCleo.messageID }, cleo)).map((o) => o.status), ['sent']);
  await device.deliver(1);
  await device.waitShown(`${ada}: for cleo`);
});

test('offline message: it is there on return, marked as such, in both families of events', async (t) => {
  const { ada, ben, sender, receiver } = await pair(t);
  await sender.run('one-to-one');
  await receiver.deliver(1);
  await receiver.visit();
  await record(receiver.page, 'peerMessageReceived', 'receivePeerMessage');
  await receiver.logIn(ben);
  const [received] = await recorded(receiver.page, 'peerMessageReceived');
  assert.equal(received.fromConversationID, ada);
  assert.equal(received.info.isOfflineMessage, true);
  assert.deepEqual(received.messageList.map((m) => [m.message, m.senderUserID, m.direction]), [['content', ada, 1]]);
  const [older] = await recorded(receiver.page, 'receivePeerMessage');
  assert.deepEqual(older.messageList.map((m) => m.message), ['content']);

  await sender.run('one-to-one');
  const both = await recorded(receiver.page, 'peerMessageReceived', 2);
  assert.equal(both[1].info.isOfflineMessage, false);
  assert.deepEqual(receiver.wrong, []);
});

test('call still ringing on return: the invitation is received', async (t) => {
  const { ada, ben, sender, receiver } = await pair(t);
  await sender.run('call');
  await receiver.deliver(1);
  await receiver.visit();
  await record(receiver.page, 'callInvitationReceived');
  await receiver.logIn(ben);
  const [received] = await recorded(receiver.page, 'callInvitationReceived');
  assert.equal(received.inviter, ada);
  assert.equal(received.timeout, 90);
});

test('call cancelled while away: it is shown as missed, and not received on return', async (t) => {
  const { ada, ben, sender, receiver } = await pair(t);
  await record(sender.page, 'callInvitationCreated');
  await sender.run('call');
  const [ring] = await receiver.deliver(1);
  await receiver.waitShown(`${title}: ${content}`);
  await sender.page.evaluate((callID) => zim.callCancel([], callID, {}), ring.data.callID);
  const [, end] = await receiver.deliver(2);
  assert.deepEqual([end.data.kind, end.data.callEnd, end.data.id], ['call_end', 'missed', ring.data.id]);
  const missed = await until('one notification of the missed call', async () => {
    const shown = await receiver.shown();
    return shown.length === 1 && shown[0].body !== content && shown;
  });
  assert.equal(missed[0].tag, ring.data.id);

  await receiver.visit();
  await record(receiver.page, 'callInvitationReceived', 'peerMessageReceived');
  await receiver.logIn(ben);
  // What a login brings comes before what is sent after it.
  await send(ada, ben, 'afterwards');
  await recorded(receiver.page, 'peerMessageReceived');
  assert.deepEqual((await receiver.page.evaluate(() => self.recorded)).map((e) => e.type), ['peerMessageReceived']);
});
