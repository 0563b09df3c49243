import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, mock, test } from "node:test";

import { ZIM, ZIMErrorCode, ZIMMessageQueryMode } from "../src/index.js";
import { silentEvents } from "../src/events.js";
import { unsupportedMethods } from "../src/unsupported.js";
import { version } from "../src/version.js";
import { newPage, until } from "./fakes/browser.js";
import { firebase } from "./fakes/firebase.js";

let page: ReturnType<typeof newPage>;
let zim: ZIM;

beforeEach(() => {
  firebase.reset();
  page = newPage();
  zim = ZIM.create({ appID: 0 })!;
});
afterEach(() => zim.destroy());

/** states are the connectionStateChanged events from now on, as "state event". */
function states(): string[] {
  const list: string[] = [];
  zim.on("connectionStateChanged", (_zim, { state, event }) => { list.push(`${state} ${event}`); });
  return list;
}

test("there is one ZIM until it is destroyed", () => {
  assert.equal(ZIM.getInstance(), zim);
  assert.equal(ZIM.create(1), null);
  zim.destroy();
  assert.equal(ZIM.getInstance(), null);
  zim = ZIM.create(1)!;
  assert.ok(zim);
  assert.throws(() => { zim.destroy(); ZIM.create("1" as unknown as number); }, { code: ZIMErrorCode.CommonModuleParamsInvalid });
  zim = ZIM.create(1)!;
});

test("login signs in, says that the device is here, and tells of it", async () => {
  const seen = states();
  await zim.login("bob", { userName: "Bob", token: "token:bob" });
  assert.deepEqual(seen, ["1 1", "2 0"]);
  const beats = page.net.to("/presence");
  assert.equal(beats.length, 1);
  assert.deepEqual({ ...beats[0]!.body, deviceID: "" }, { deviceID: "", platform: "web", state: "online" });
  assert.match(String(beats[0]!.body.deviceID), /^[0-9a-f]{32}$/);
  assert.equal(beats[0]!.auth, "Bearer id:bob");
  await until(() => page.net.to("/sync").length === 1);
});

test("the older login, and a user whom the app signed in", async () => {
  await zim.login({ userID: "bob", userName: "Bob" }, "token:bob");
  await zim.logout();
  firebase.setUser("carol");
  await zim.login("carol");
  assert.equal(page.net.to("/presence").at(-1)!.auth, "Bearer id:carol");
});

test("an empty tenant is none", async () => {
  Object.assign(globalThis, { DOORBELL_CONFIG: { ...(globalThis as unknown as { DOORBELL_CONFIG: object }).DOORBELL_CONFIG, tenant: "" } });
  zim.destroy();
  zim = ZIM.create(1)!;
  firebase.setUser("bob");
  await zim.login("bob");
  assert.equal(page.net.to("/presence").at(-1)!.auth, "Bearer id:bob");
});

test("with a tenant, another tenant's user of the same ID is somebody else", async () => {
  Object.assign(globalThis, { DOORBELL_CONFIG: { ...(globalThis as unknown as { DOORBELL_CONFIG: object }).DOORBELL_CONFIG, tenant: "acme-1" } });
  zim.destroy();
  zim = ZIM.create(1)!;
  firebase.setUser("bob"); // of no tenant
  await assert.rejects(zim.login("bob"), { code: ZIMErrorCode.NetworkModuleTokenInvalid });
  await zim.login("bob", { token: "token:bob" });
  assert.equal(firebase.tenant(), "acme-1");
});

for (const [what, login, code, text] of [
  ["no user ID", () => zim.login(""), ZIMErrorCode.CommonModuleParamsInvalid, /userID is required/],
  ["no token and not signed in", () => zim.login("bob"), ZIMErrorCode.NetworkModuleTokenInvalid, /custom token/],
  ["a token that is none", () => zim.login("bob", { token: "nonsense" }), ZIMErrorCode.NetworkModuleTokenInvalid, /malformed/],
  ["another user's token", () => zim.login("bob", { token: "token:eve" }), ZIMErrorCode.NetworkModuleTokenInvalid, /another user's/],
  ["no server", () => { page.net.answers.set("/presence", 0); return zim.login("bob", { token: "token:bob" }); }, ZIMErrorCode.NetworkModuleNetworkError, /can't be reached/],
  ["no configuration", () => { Object.assign(globalThis, { DOORBELL_CONFIG: undefined }); return zim.login("bob", { token: "token:bob" }); }, ZIMErrorCode.CommonModuleNotInit, /no Firebase configuration/],
] as const) {
  test(`login fails: ${what}`, async () => {
    const seen = states();
    await assert.rejects(login(), (err: { code: number; message: string }) => {
      assert.equal(err.code, code);
      assert.match(err.message, text);
      return true;
    });
    if (seen.length > 0) assert.deepEqual(seen, ["1 1", "0 2"]);
    await assert.rejects(zim.sendMessage({ type: 1, message: "x" }, "bob", 0, { priority: 1 }), { code: ZIMErrorCode.NetworkModuleUserIsNotLogged });
  });
}

test("one login at a time", async () => {
  const first = zim.login("bob", { token: "token:bob" });
  await assert.rejects(zim.login("carol", { token: "token:carol" }), { code: ZIMErrorCode.NetworkModuleUserHasAlreadyLogged });
  await first;
  await assert.rejects(zim.login("carol", { token: "token:carol" }), { code: ZIMErrorCode.NetworkModuleUserHasAlreadyLogged });
});

test("a ZIM that is destroyed while it logs in stays silent", async () => {
  const login = zim.login("bob", { token: "token:bob" });
  zim.destroy();
  await assert.rejects(login, { code: ZIMErrorCode.CommonModuleNotInit });
  const before = page.net.asked.length;
  page.window.dispatchEvent(new Event("online"));
  await new Promise((done) => { setTimeout(done, 20); });
  assert.equal(page.net.asked.length, before);
});

test("logout unbinds the device and signs out of Firebase, where the SDK had signed in", async () => {
  await zim.login("bob", { token: "token:bob" });
  const seen = states();
  await zim.logout();
  assert.equal(page.net.to("/presence").at(-1)!.body.state, "logout");
  assert.deepEqual(seen, ["0 0"]);
  await assert.rejects(zim.login("bob"), { code: ZIMErrorCode.NetworkModuleTokenInvalid });
  firebase.setUser("bob");
  await zim.login("bob");
  await zim.logout();
  await zim.login("bob"); // the app had signed in: so it still is
});

test("another user who logs in finds the device unbound from the last one", async () => {
  await zim.login("bob", { token: "token:bob" });
  zim.destroy(); // as a page that is closed without a logout
  zim = ZIM.create(1)!;
  page.net.asked = [];
  await zim.login("carol", { token: "token:carol" });
  assert.deepEqual(page.net.to("/presence").map(({ auth, body }) => `${auth} ${String(body.state)}`), ["Bearer id:bob logout", "Bearer id:carol online"]);
});

test("who is no longer signed in is logged out here too, and nothing rings for them", async () => {
  await zim.login("bob", { token: "token:bob" });
  const seen = states();
  firebase.setUser("carol"); // another tab
  await until(() => seen.length > 0);
  assert.deepEqual(seen, ["0 4"]);
  const last = page.net.to("/presence").at(-1)!;
  assert.deepEqual([last.auth, last.body.state, last.keepalive], ["Bearer id:bob", "logout", true]);
  await assert.rejects(zim.callAccept("1", { extendedData: "" }), { code: ZIMErrorCode.NetworkModuleUserIsNotLogged });
});

test("a message goes out as the API takes it and comes back as ZIM's", async () => {
  await zim.login("alice", { token: "token:alice" });
  page.net.answers.set("/send", ({ body }) => ({
    message: { ...(body.message as object), messageID: "m1", localMessageID: body.localMessageID, senderUserID: "alice", conversationID: "bob", conversationType: 0, timestamp: 5, orderKey: 7, messageSeq: 7 },
  }));
  let attached = "";
  const { message } = await zim.sendMessage({ type: 1, message: "hi" }, "bob", 0, {
    priority: 2, pushConfig: { title: "Alice", content: "hi", extendedData: "older name", resourcesID: "r" },
  }, { onMessageAttached: (m) => { attached = m.localMessageID!; } });
  const { body } = page.net.to("/send")[0]!;
  assert.deepEqual(body, {
    message: { type: 1, message: "hi" }, toConversationID: "bob", conversationType: 0, localMessageID: attached,
    config: { priority: 2, pushConfig: { title: "Alice", content: "hi", payload: "older name", resourcesID: "r" } },
  });
  assert.deepEqual(
    [message.messageID, message.localMessageID, message.direction, message.sentStatus, message.messageSeq, message.orderKey],
    ["m1", attached, 0, 1, 7, 7]);
});

test("the icon's number goes out, and one that is none doesn't", async () => {
  await assert.rejects(zim.updateUserBadge(1), { code: ZIMErrorCode.NetworkModuleUserIsNotLogged });
  await zim.login("alice", { token: "token:alice" });
  page.net.answers.set("/badge", () => ({}));
  for (const bad of [-1, 1.5, NaN, "3"]) await assert.rejects(zim.updateUserBadge(bad as number), { code: ZIMErrorCode.CommonModuleParamsInvalid });
  assert.equal(await zim.updateUserBadge(3), undefined);
  assert.deepEqual(page.net.to("/badge").map(({ body }) => body), [{ badge: 3 }]);
});

test("calls: what the compared SDK checks and sends", async () => {
  await zim.login("alice", { token: "token:alice" });
  page.net.answers.set("/call-invite", ({ body }) => ({
    callID: body.callID, timeout: 90, createTime: 1, errorInvitees: [{ userID: "x", state: 4, extendedData: "" }], errorUserList: [{ userID: "x", reason: 6000011 }], callUserList: [],
  }));
  const sent = await zim.callInvite(["bob", "bob", "x"], { pushConfig: { title: "t", content: "c" } });
  assert.match(sent.callID, /^\d{20}$/);
  assert.deepEqual([sent.timeout, sent.errorInvitees[0]!.userID, sent.errorUserList[0]!.reason], [90, "x", 6000011]);
  assert.deepEqual(page.net.to("/call-invite")[0]!.body, {
    invitees: ["bob", "x"], callID: sent.callID, config: { timeout: 90, mode: 0, extendedData: "", pushConfig: { title: "t", content: "c" } },
  });
  for (const timeout of [0, 601, 1.5]) await assert.rejects(zim.callInvite(["bob"], { timeout }), { code: ZIMErrorCode.CommonModuleParamsInvalid });
  await assert.rejects(zim.callInvite([], {}), { code: ZIMErrorCode.CommonModuleParamsInvalid });
});

test("answering a call takes its notification away", async () => {
  await zim.login("bob", { token: "token:bob" });
  for (const callID of ["1", "2"]) {
    const n = { data: { message: { extra: { callID } } }, closed: false, close() { n.closed = true; } };
    page.shown.push(n);
  }
  page.net.answers.set("/call-accept", { callID: "1" });
  await zim.callAccept("1", { extendedData: "" });
  await until(() => page.shown[0]!.closed);
  assert.equal(page.shown[1]!.closed, false);
});

test("lists whose page marks are the server's strings have numbers, as in the compared SDK", async () => {
  await zim.login("bob", { token: "token:bob" });
  const pages: Record<string, object> = { "": { callList: [{ callID: "2" }], nextFlag: "5-2" }, "5-2": { callList: [{ callID: "1" }], nextFlag: "" } };
  page.net.answers.set("/call-query", ({ body }) => pages[String(body.nextFlag)]!);
  const first = await zim.queryCallInvitationList({ count: 1 });
  assert.ok(first.nextFlag > 0);
  const second = await zim.queryCallInvitationList({ count: 1, nextFlag: first.nextFlag });
  assert.deepEqual([second.callList[0]!.callID, second.nextFlag], ["1", 0]);

  const groups: Record<string, object> = {
    "": { groupList: [{ baseInfo: { groupID: "a" }, notificationStatus: 1 }], nextFlag: "a" }, a: { groupList: [{ baseInfo: { groupID: "b" }, notificationStatus: 2 }], nextFlag: "" },
  };
  page.net.answers.set("/group-mine", ({ body }) => groups[String(body.nextFlag)]!);
  assert.deepEqual((await zim.queryGroupList()).groupList.map((g) => g.baseInfo.groupID), ["a", "b"]);
});

test("conversations come page by page to the end, also those of a filter", async () => {
  await zim.login("bob", { token: "token:bob" });
  const all = Array.from({ length: 7 }, (_, i) => ({ conversationID: `c${i}`, type: i % 3 === 0 ? 2 : 0, unreadMessageCount: i % 2 }));
  page.net.answers.set("/conversations", ({ body }) => {
    const from = Number(body.nextFlag ?? 0), to = from + Number(body.count);
    return { conversationList: all.slice(from, to), nextFlag: to < all.length ? String(to) : "" };
  });
  const pages = async (count: number, option?: object): Promise<string[]> => {
    const found: string[] = [];
    for (let last; found.length <= all.length;) {
      const { conversationList } = await zim.queryConversationList({ count, ...(last ? { nextConversation: last } : {}) }, option);
      if (conversationList.length === 0) break;
      found.push(conversationList.map((c) => c.conversationID).join(" "));
      last = conversationList.at(-1)!;
    }
    return found;
  };
  assert.deepEqual(await pages(3), ["c0 c1 c2", "c3 c4 c5", "c6"]);
  assert.deepEqual(await pages(7), ["c0 c1 c2 c3 c4 c5 c6"]);
  assert.deepEqual(await pages(2, { conversationTypes: [2] }), ["c0 c3", "c6"]);
  assert.deepEqual(await pages(2, { isOnlyUnreadConversation: true }), ["c1 c3", "c5"]);
  assert.deepEqual(await pages(5, { pinnedFilter: 1 }), []);
  await assert.rejects(zim.queryConversationList({ count: 2, nextConversation: { conversationID: "other", type: 0 } as never }), { code: ZIMErrorCode.CommonModuleParamsInvalid });
});

test("a conversation's level and mute go out and come back", async () => {
  await zim.login("bob", { token: "token:bob" });
  page.net.answers.set("/conversation-notification-status", ({ body }) => ({ conversationID: body.conversationID!, conversationType: body.conversationType! }));
  await zim.setConversationNotificationStatus(2, "alice", 0, { mutedUntil: 5, level: "mentions" });
  await zim.setConversationNotificationStatus(1, "alice", 0);
  assert.deepEqual(page.net.to("/conversation-notification-status").map((asked) => asked.body), [
    { status: 2, conversationID: "alice", conversationType: 0, mutedUntil: 5, level: "mentions" }, { status: 1, conversationID: "alice", conversationType: 0 },
  ]);
  page.net.answers.set("/conversations", { conversationList: [{ conversationID: "alice", type: 0, mutedExpiredTime: 5, level: "mentions" }, { conversationID: "g", type: 2 }], nextFlag: "" });
  const { conversationList } = await zim.queryConversationList({ count: 10 });
  assert.deepEqual(conversationList.map((c) => [c.mutedExpiredTime, c.level, "level" in c, "isDisabled" in c]), [[5, "mentions", true, false], [0, undefined, false, true]]);
});

test("the user's notification settings: read, and changed as far as named", async () => {
  await zim.login("bob", { token: "token:bob" });
  const stands = { settings: { level: "mentions" }, effective: { level: "mentions", privacy: "full" }, devices: [] };
  page.net.answers.set("/notification-settings", stands);
  assert.deepEqual(await zim.queryNotificationSettings(), stands);
  assert.deepEqual(await zim.updateNotificationSettings({ level: null, snoozedUntil: 9 }), stands);
  assert.deepEqual(page.net.to("/notification-settings").map(({ method, body }) => [method, body]), [["GET", {}], ["POST", { level: null, snoozedUntil: 9 }]]);
});

test("what a configuration asks for and Doorbell hasn't is refused, not ignored", async () => {
  await zim.login("bob", { token: "token:bob" });
  const code = ZIMErrorCode.CommonModuleUnsupportedRequest;
  await assert.rejects(zim.callInvite(["alice"], { enableNotReceivedCheck: true }), { code });
  await assert.rejects(zim.queryHistoryMessage("alice", 0, { count: 10, reverse: true, mode: ZIMMessageQueryMode.OnlyLocal }), { code });
  assert.deepEqual([page.net.to("/call-invite").length, page.net.to("/messages").length], [0, 0]);
});

test("history goes on from a message", async () => {
  await zim.login("bob", { token: "token:bob" });
  page.net.answers.set("/messages", { messageList: [] });
  for (const [seq, reverse, next] of [[5, true, 4], [5, false, 6], [undefined, true, 0]] as const) {
    await zim.queryHistoryMessage("alice", 0, { count: 10, reverse, ...(seq ? { nextMessage: { type: 1, messageSeq: seq } } : {}) });
    assert.equal(page.net.to("/messages").at(-1)!.body.nextMessageSeq, next);
  }
  await zim.queryHistoryMessage("alice", 0, { count: 10, reverse: true, nextMessage: { type: 1, messageSeq: 1 } });
  assert.equal(page.net.to("/messages").length, 3, "there is nothing before the first message");
});

test("what Doorbell doesn't have says so, and the README lists it", async () => {
  const readme = readFileSync("README.md", "utf8");
  for (const name of unsupportedMethods) {
    const method = (zim as unknown as Record<string, () => unknown>)[name]!;
    await assert.rejects(async () => method.call(zim), (err: { code: number; message: string }) => {
      assert.equal(err.code, ZIMErrorCode.CommonModuleUnsupportedRequest);
      assert.match(err.message, new RegExp(`^not supported: Doorbell has no ${name}$`));
      return true;
    }, name);
    assert.ok(readme.includes(`\`${name}\``), `README.md doesn't list ${name}`);
  }
});

test("an event that never comes says so to who listens, and the README lists it", () => {
  const readme = readFileSync("README.md", "utf8");
  const warn = mock.method(console, "warn", () => {});
  for (const name of silentEvents) {
    zim.on(name, () => {});
    assert.ok(readme.includes(`\`${name}\``), `README.md doesn't list ${name}`);
  }
  assert.equal(warn.mock.callCount(), silentEvents.length);
  warn.mock.restore();
});

test("the version is the package's", () => {
  assert.equal(version, (JSON.parse(readFileSync("package.json", "utf8")) as { version: string }).version);
  assert.equal(ZIM.getVersion(), version);
});
