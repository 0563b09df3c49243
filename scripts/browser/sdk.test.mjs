// The SDK's calls that the seed doesn't make, against the local system, from a page
// that loads the SDK as a module.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Device, launch, record, recorded } from './browser.mjs';
import { startSite } from './site.mjs';
import { session, systemSend, unique, until } from './system.mjs';

const events = [
  'userRuleUpdated', 'groupStateChanged', 'groupMessageReceived', 'receiveGroupMessage', 'peerMessageReceived', 'conversationSyncStateChanged',
  'callInvitationCreated', 'callInvitationReceived', 'callInvitationAccepted', 'callInvitationRejected', 'callUserStateChanged',
  'callInvitationEnded', 'callInvitationCancelled', 'error',
];

let browser, site;

before(async () => {
  [browser, site] = await Promise.all([launch(), startSite()]);
});

after(async () => {
  await browser?.close();
  site?.close();
});

/** people are users who are logged in, each at the site with a browser of their own: {id, ask, heard}. */
async function people(t, ...names) {
  return Promise.all(names.map(async (name) => {
    const id = unique(name);
    const device = await Device.open(browser, site, unique('who').replace('-', ''));
    t.after(() => device.close());
    const page = await device.visit('/module.html');
    await until('the module', () => page.evaluate(() => Boolean(self.zim)));
    const { customToken } = await session(id);
    await record(page, ...events);
    await page.evaluate(([userID, token]) => zim.login(userID, { userName: userID, token }), [id, customToken]);
    await until('the first sync', async () => (await recorded(page, 'conversationSyncStateChanged')).some((e) => e.state === 1));
    const all = () => page.evaluate(() => self.recorded);
    const wait = (what, get) => until(what, get).catch(async (err) => {
      throw new Error(`${err.message}; ${name} heard ${JSON.stringify(await all())}`);
    });
    return {
      id, device,
      /** ask calls a method of the SDK. */
      ask: (method, ...args) => page.evaluate(([m, a]) => zim[m](...a), [method, args]),
      /** heard is the nth event of a type, and waits for it. */
      heard: (type, n = 1) => wait(`${n} ${type}`, async () => (await all()).filter((e) => e.type === type)[n - 1]),
      /** hears waits for an event of a type that is as wanted. */
      hears: (type, wanted) => wait(`a ${type} as wanted`, async () => (await all()).find((e) => e.type === type && wanted(e))),
      /** quiet asserts that nothing went wrong on the page, which the console has too. */
      quiet: async () => {
        assert.deepEqual(device.wrong, []);
        assert.deepEqual((await all()).filter((e) => e.type === 'error'), []);
      },
    };
  }));
}

const ids = (list) => list.map((u) => u.userID).sort();

test('the module loads with no word in the console', async (t) => {
  const device = await Device.open(browser, site, unique('who').replace('-', ''));
  t.after(() => device.close());
  const page = await device.visit('/module.html');
  await until('the module', () => page.evaluate(() => Boolean(self.zim)));
  assert.deepEqual(device.wrong, []);
});

test('what the operator’s backend sends says so: as it comes, and in the history', async (t) => {
  const [ada, ben] = await people(t, 'ada', 'ben');
  await systemSend(ada.id, 'We are back');
  await ben.ask('sendMessage', { type: 1, message: 'Hello' }, ada.id, 0, { priority: 2 });
  const news = (list) => list.map(({ message, system, isServerMessage }) => [message, system, isServerMessage]);
  const came = async (text) => (await ada.hears('peerMessageReceived', (e) => e.messageList.some((m) => m.message === text))).messageList;
  assert.deepEqual(news(await came('We are back')), [['We are back', true, true]]);
  assert.deepEqual(news(await came('Hello')), [['Hello', undefined, undefined]]);
  const { messageList } = await ada.ask('queryHistoryMessage', 'system', 0, { count: 10, reverse: true });
  assert.deepEqual(news(messageList), [['We are back', true, true]]);
  await ada.quiet();
});

test('the user: push rule, notification settings, what is known of oneself', async (t) => {
  const [ada] = await people(t, 'ada');
  const rule = { onlinePlatforms: [1, 4, 5], notToReceiveOfflinePushPlatforms: [2, 3, 9] };
  assert.deepEqual(await ada.ask('updateUserOfflinePushRule', rule), { offlinePushRule: rule });
  assert.deepEqual((await ada.heard('userRuleUpdated')).userRule, { offlinePushRule: rule });
  const { selfUserInfo } = await ada.ask('querySelfUserInfo');
  assert.equal(selfUserInfo.userFullInfo.baseInfo.userID, ada.id);
  assert.deepEqual(selfUserInfo.userRule.offlinePushRule, rule);

  const snoozedUntil = Date.now() + 3_600_000;
  const changed = await ada.ask('updateNotificationSettings', { level: 'mentions', snoozedUntil, privacy: 'sender' });
  assert.deepEqual(changed.settings, { level: 'mentions', snoozedUntil, privacy: 'sender' });
  assert.equal((await ada.ask('updateNotificationSettings', { level: null })).effective.level, 'all');
  const { settings, devices } = await ada.ask('queryNotificationSettings');
  assert.deepEqual(settings, { snoozedUntil, privacy: 'sender' });
  assert.deepEqual(devices.map((d) => d.platform), [6]);
  await ada.quiet();
});

test('a group: made, joined, left, members and messages, dismissed', async (t) => {
  const [ada, ben, cleo] = await people(t, 'ada', 'ben', 'cleo');
  const groupID = unique('group');
  const entered = (event) => (e) => e.state === 1 && e.event === event && e.groupInfo.baseInfo.groupID === groupID;
  const quit = (event) => (e) => e.state === 0 && e.event === event && e.groupInfo.baseInfo.groupID === groupID;
  const { groupInfo, userList, errorUserList } = await ada.ask('createGroup', { groupID, groupName: 'Group', groupAvatarUrl: '' }, [ben.id]);
  assert.deepEqual([groupInfo.baseInfo.groupName, ids(userList), errorUserList], ['Group', [ada.id, ben.id], []]);
  await ada.hears('groupStateChanged', entered(1));
  await ben.hears('groupStateChanged', entered(4));

  const sent = await ada.ask('sendMessage', { type: 1, message: 'hello all' }, groupID, 2, { priority: 2 });
  for (const type of ['groupMessageReceived', 'receiveGroupMessage']) {
    const received = await ben.heard(type);
    assert.deepEqual([received.fromConversationID, received.messageList.map((m) => m.messageID)], [groupID, [sent.message.messageID]]);
  }

  assert.equal((await cleo.ask('joinGroup', groupID)).groupInfo.baseInfo.groupID, groupID);
  await cleo.hears('groupStateChanged', entered(3));
  assert.equal((await ada.ask('queryGroupMemberCount', groupID)).count, 3);
  const first = await ada.ask('queryGroupMemberList', groupID, { nextFlag: 0, count: 2 });
  const second = await ada.ask('queryGroupMemberList', groupID, { nextFlag: first.nextFlag, count: 2 });
  assert.deepEqual([first.userList.length, ids([...first.userList, ...second.userList]), second.nextFlag], [2, [ada.id, ben.id, cleo.id], 0]);
  assert.deepEqual(await cleo.ask('leaveGroup', groupID), { groupID });
  await cleo.hears('groupStateChanged', quit(5));

  const invited = await ben.ask('inviteUsersIntoGroup', [cleo.id], groupID);
  assert.deepEqual([ids(invited.userList), invited.errorUserList], [[cleo.id], []]);
  await cleo.hears('groupStateChanged', entered(4));
  assert.deepEqual((await ada.ask('kickGroupMembers', [cleo.id], groupID)).kickedUserIDs, [cleo.id]);
  await cleo.hears('groupStateChanged', quit(6));
  await assert.rejects(cleo.ask('sendMessage', { type: 1, message: 'still here?' }, groupID, 2, { priority: 2 }), /6000521|ZIMError/);

  assert.deepEqual(await ada.ask('dismissGroup', groupID), { groupID });
  await ada.hears('groupStateChanged', quit(2));
  await ben.hears('groupStateChanged', quit(2));
});

test('conversations: listed page by page, muted for a while, with a level', async (t) => {
  const [ada, ben] = await people(t, 'ada', 'ben');
  const groupID = unique('group');
  await ada.ask('createGroup', { groupID, groupName: 'Group', groupAvatarUrl: '' }, [ben.id]);
  await ada.ask('sendMessage', { type: 1, message: 'to all' }, groupID, 2, { priority: 1 });
  await ada.ask('sendMessage', { type: 1, message: 'to you' }, ben.id, 0, { priority: 1 });
  await ben.heard('peerMessageReceived');
  const list = async (last) => (await ben.ask('queryConversationList', { count: 1, ...(last ? { nextConversation: last } : {}) })).conversationList;
  const [peer] = await list();
  const [group] = await list(peer);
  assert.deepEqual([peer.conversationID, peer.unreadMessageCount, peer.lastMessage.message], [ada.id, 1, 'to you']);
  assert.deepEqual([group.conversationID, group.conversationName, group.isDisabled], [groupID, 'Group', false]);
  assert.deepEqual(await list(group), [], 'there is nothing after the last page');
  const { conversationList } = await ben.ask('queryConversationList', { count: 1 }, { conversationTypes: [2], marks: [], isOnlyUnreadConversation: false, pinnedFilter: 0 });
  assert.deepEqual(conversationList.map((c) => c.conversationID), [groupID]);

  const mutedUntil = Date.now() + 3_600_000;
  for (const [id, type] of [[ada.id, 0], [groupID, 2]]) {
    assert.deepEqual(await ben.ask('setConversationNotificationStatus', 2, id, type, { mutedUntil, level: 'mentions' }), { conversationID: id, conversationType: type });
  }
  const muted = (await ben.ask('queryConversationList', { count: 10 })).conversationList;
  assert.deepEqual(muted.map((c) => [c.notificationStatus, c.mutedExpiredTime, c.level]), [[2, mutedUntil, 'mentions'], [2, mutedUntil, 'mentions']]);
  await ben.ask('setConversationNotificationStatus', 1, ada.id, 0);
  const [again] = await list();
  assert.deepEqual([again.notificationStatus, again.mutedExpiredTime, again.level], [1, 0, undefined]);
  for (const user of [ada, ben]) await user.quiet();
});

test('a call of several: invited later, rejected, joined, left, ended', async (t) => {
  const [ada, ben, cleo] = await people(t, 'ada', 'ben', 'cleo');
  const state = (user, wanted) => (e) => e.callUserList.some((u) => u.userID === user.id && u.state === wanted);
  const { callID, errorUserList } = await ada.ask('callInvite', [ben.id], { timeout: 60, mode: 1, extendedData: 'room 1' });
  assert.deepEqual(errorUserList, []);
  assert.equal((await ada.heard('callInvitationCreated')).callID, callID);
  const rung = await ben.heard('callInvitationReceived');
  assert.deepEqual([rung.callID, rung.inviter, rung.extendedData, rung.mode, rung.timeout], [callID, ada.id, 'room 1', 1, 60]);
  assert.deepEqual(await ben.ask('callAccept', callID, { extendedData: 'here' }), { callID });
  const accepted = await ada.heard('callInvitationAccepted');
  assert.deepEqual([accepted.invitee, accepted.extendedData], [ben.id, 'here']);

  assert.deepEqual(await ada.ask('callingInvite', [cleo.id], callID, {}), { callID, errorUserList: [] });
  assert.equal((await cleo.heard('callInvitationReceived')).callID, callID);
  assert.deepEqual(await cleo.ask('callReject', callID, { extendedData: 'busy' }), { callID });
  const rejected = await ada.heard('callInvitationRejected');
  assert.deepEqual([rejected.invitee, rejected.extendedData], [cleo.id, 'busy']);
  await ben.hears('callUserStateChanged', state(cleo, 2));

  const joined = await cleo.ask('callJoin', callID, { extendedData: 'after all' });
  assert.deepEqual([joined.callID, joined.extendedData, ids(joined.callUserList)], [callID, 'room 1', [ada.id, ben.id, cleo.id].sort()]);
  assert.ok(joined.joinTime >= joined.createTime);
  await ada.hears('callUserStateChanged', state(cleo, 1));
  const left = await ben.ask('callQuit', callID, { extendedData: 'bye' });
  assert.ok(left.quitTime >= left.acceptTime && left.acceptTime >= left.createTime);
  await ada.hears('callUserStateChanged', state(ben, 7));

  const ended = await ada.ask('callEnd', callID, { extendedData: 'done' });
  assert.ok(ended.endTime >= left.quitTime);
  const over = await cleo.heard('callInvitationEnded');
  assert.deepEqual([over.callID, over.operatedUserID, over.extendedData], [callID, ada.id, 'done']);
  const { callList } = await ada.ask('queryCallInvitationList', { count: 5 });
  assert.deepEqual(callList.map((c) => [c.callID, c.state]), [[callID, 2]]);
  for (const user of [ada, ben, cleo]) await user.quiet();
});
