// A user who is logged in, while the network comes and goes and the machine sleeps.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test, type TestContext } from "node:test";

import { ZIM } from "../src/index.js";
import { newPage, until } from "./fakes/browser.js";
import { firebase } from "./fakes/firebase.js";

let page: ReturnType<typeof newPage>;
let zim: ZIM;
let seen: string[];

/** loggedIn is bob, whose first sync is over, at a clock that the test moves. */
async function loggedIn(t: TestContext): Promise<void> {
  t.mock.timers.enable({ apis: ["setInterval", "Date"], now: Date.now() });
  await zim.login("bob", { token: "token:bob" });
  seen = [];
  zim.on("connectionStateChanged", (_zim, { state, event }) => { seen.push(`${state} ${event}`); });
  zim.on("conversationSyncStateChanged", (_zim, { state }) => { seen.push(`sync ${state}`); });
  await until(() => seen.includes("sync 1"));
  seen.splice(0);
  page.net.asked = [];
}

/** sleep passes ms in which nothing of the page runs; then it goes on. */
function sleep(t: TestContext, ms: number): void {
  t.mock.timers.setTime(Date.now() + ms);
  t.mock.timers.tick(15_000);
}

const states = (): unknown[] => page.net.to("/presence").map(({ body }) => body.state);

beforeEach(() => {
  firebase.reset();
  page = newPage();
  zim = ZIM.create(1)!;
});
afterEach(() => zim.destroy());

test("after sleep the server is told at once, and what was missed is fetched", async (t) => {
  await loggedIn(t);
  sleep(t, 3_600_000);
  await until(() => seen.includes("sync 1"));
  assert.deepEqual([seen, states(), page.net.to("/sync").length], [["sync 0", "sync 1"], ["online"], 1]);
});

test("a page that runs late hasn't slept", async (t) => {
  await loggedIn(t);
  for (let i = 0; i < 8; i++) sleep(t, 60_000);
  await new Promise((done) => { setImmediate(done); });
  assert.deepEqual([seen, page.net.asked.length], [[], 0]);
});

test("the network goes and comes back: reconnecting, then told and synced, then connected", async (t) => {
  await loggedIn(t);
  page.window.dispatchEvent(new Event("offline"));
  page.window.dispatchEvent(new Event("offline"));
  assert.deepEqual([seen, page.net.asked.length], [["3 3"], 0]);
  page.net.answers.set("/sync", { messageList: [{ messageID: "m", localMessageID: "l", type: 1, message: "missed", senderUserID: "alice", conversationID: "alice", conversationType: 0, timestamp: 5, orderKey: 1 }], cursor: "d", hasMore: false });
  const missed: unknown[] = [];
  zim.on("peerMessageReceived", (_zim, { messageList, info }) => { missed.push(messageList.length, info.isOfflineMessage); });
  page.window.dispatchEvent(new Event("online"));
  await until(() => seen.includes("sync 1") && seen.includes("2 0"));
  assert.deepEqual([seen.filter((s) => !s.startsWith("sync")), states(), missed], [["3 3", "2 0"], ["online"], [1, true]]);
});

test("after logout neither sleep nor the network wakes anything", async (t) => {
  await loggedIn(t);
  await zim.logout();
  page.net.asked = [];
  sleep(t, 3_600_000);
  page.window.dispatchEvent(new Event("online"));
  page.window.dispatchEvent(new Event("offline"));
  await new Promise((done) => { setImmediate(done); });
  assert.deepEqual([page.net.asked, seen.filter((s) => s !== "0 0")], [[], []]);
});
