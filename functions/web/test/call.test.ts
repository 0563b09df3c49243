import assert from "node:assert/strict";
import { test } from "node:test";

import { callEvents } from "../src/call-events.js";
import { CallTracker } from "../src/call-tracker.js";
import { ZIMCallInvitationMode as Mode, ZIMCallState as State, ZIMCallUserState as U } from "../src/enums.js";
import type { CallDocument, Feed } from "../src/feed.js";

const since = 1_000_000;

/** A call of alice's to bob and carol, who ring, changed by edits. */
function call(edit: Partial<Omit<CallDocument, "users">> & { users?: Record<string, Partial<CallDocument["users"][string]>> } = {}): CallDocument {
  const { users, ...rest } = edit;
  const all: CallDocument["users"] = {
    alice: { state: U.Accepted }, bob: { state: U.Inviting, inviter: "alice", gen: 1, expiresAt: since + 90_000 }, carol: { state: U.Inviting, inviter: "alice", gen: 1, expiresAt: since + 90_000 },
  };
  for (const [id, u] of Object.entries(users ?? {})) all[id] = { ...(all[id] ?? { state: U.Inviting }), ...u };
  return { callID: "1", caller: "alice", mode: Mode.General, state: State.Started, createTime: since + 1, timeout: 90, extendedData: "x", rev: 1, ...rest, users: all };
}

const who = (events: ReturnType<typeof callEvents>): string[] => events.map(({ type, data }) => {
  const d = data as { callUserList?: { userID: string; state: number }[]; invitee?: string; invitees?: string[]; inviter?: string; operatedUserID?: string; extendedData?: string };
  if (type === "callUserStateChanged") return `${type} ${d.callUserList!.map((u) => `${u.userID}:${U[u.state]}`).join(" ")}`;
  if (type === "callInvitationCancelled") return `${type} ${d.inviter} ${d.extendedData}`;
  return [type, d.invitee ?? d.invitees?.join(" ") ?? d.operatedUserID ?? ""].join(" ").trim();
});

const accepted = call({ rev: 2, users: { bob: { state: U.Accepted, extendedData: "yes" } } });
const rejected = call({ rev: 2, users: { bob: { state: U.Rejected } } });
const cancelled = call({ rev: 2, state: State.Ended, users: { alice: { state: U.Cancelled, extendedData: "why" }, bob: { state: U.BeCancelled }, carol: { state: U.BeCancelled } } });
const timedOut = call({ rev: 2, state: State.Ended, users: { alice: { state: U.Timeout }, bob: { state: U.Timeout }, carol: { state: U.Timeout } } });
const advanced = (edit: Parameters<typeof call>[0]) => call({ mode: Mode.Advanced, ...edit });
const ended = advanced({ rev: 3, state: State.Ended, endedBy: "bob", endTime: 5, users: { alice: { state: U.Ended }, bob: { state: U.Ended }, carol: { state: U.Timeout } } });
const inCall = advanced({ rev: 2, users: { bob: { state: U.Accepted }, carol: { state: U.Timeout } } });

for (const [what, before, now, user, want] of [
  ["a new call, its caller", undefined, call(), "alice", ["callInvitationCreated"]],
  ["a new call, an invitee", undefined, call(), "bob", ["callInvitationReceived"]],
  ["a call from before the login, its caller", undefined, call({ createTime: since - 1 }), "alice", ["callUserStateChanged alice:Accepted bob:Inviting carol:Inviting"]],
  ["a call from before the login, which still rings", undefined, call({ createTime: since - 1 }), "bob", ["callInvitationReceived"]],
  ["a call one was in before the login", undefined, advanced({ createTime: since - 1, rev: 4, users: { bob: { state: U.Accepted } } }), "bob", ["callUserStateChanged alice:Accepted bob:Accepted carol:Inviting"]],
  ["a call one has rejected before the login", undefined, call({ createTime: since - 1, rev: 2, users: { bob: { state: U.Rejected } } }), "bob", []],
  ["accepted: the caller", call(), accepted, "alice", ["callUserStateChanged bob:Accepted", "callInvitationAccepted bob"]],
  ["accepted: who accepted", call(), accepted, "bob", ["callUserStateChanged bob:Accepted"]],
  ["accepted: another invitee", call(), accepted, "carol", ["callUserStateChanged bob:Accepted"]],
  ["rejected: the caller", call(), rejected, "alice", ["callUserStateChanged bob:Rejected", "callInvitationRejected bob"]],
  ["after one's rejection one isn't told of others", rejected, call({ rev: 3, users: { bob: { state: U.Rejected }, carol: { state: U.Accepted } } }), "bob", []],
  ["cancelled: an invitee", call(), cancelled, "bob", ["callUserStateChanged alice:Cancelled bob:BeCancelled carol:BeCancelled", "callInvitationCancelled alice why"]],
  ["cancelled: the caller", call(), cancelled, "alice", ["callUserStateChanged alice:Cancelled bob:BeCancelled carol:BeCancelled"]],
  ["timed out: an invitee", call(), timedOut, "bob", ["callUserStateChanged alice:Timeout bob:Timeout carol:Timeout", "callInvitationTimeout"]],
  ["timed out: the caller", call(), timedOut, "alice", ["callUserStateChanged alice:Timeout bob:Timeout carol:Timeout", "callInviteesAnsweredTimeout bob carol"]],
  ["ended: who was in it", inCall, ended, "alice", ["callUserStateChanged alice:Ended bob:Ended", "callInvitationEnded bob"]],
  ["ended: who wasn't", inCall, ended, "carol", []],
  ["invited again", inCall, advanced({ rev: 3, users: { bob: { state: U.Accepted }, carol: { state: U.Inviting, gen: 2, inviter: "bob" } } }), "carol", ["callInvitationReceived", "callUserStateChanged carol:Inviting"]],
  ["invited again while it still rings", call(), call({ rev: 2, users: { bob: { gen: 2 } } }), "bob", ["callInvitationReceived"]],
  ["the same again", accepted, accepted, "alice", []],
  ["an older one", accepted, call(), "alice", []],
  ["a call that was over before the login", undefined, ended, "alice", []],
  ["who isn't in it", undefined, call(), "mallory", []],
] as const) {
  test(`events: ${what}`, () => {
    const got = who(callEvents(before, now, user, since));
    assert.deepEqual(got, [...want]);
  });
}

test("the events' fields", () => {
  const [received] = callEvents(undefined, call({ users: { bob: { state: U.Inviting, inviter: "carol", gen: 1 } } }), "bob", since);
  assert.deepEqual(received!.data, {
    callID: "1", mode: 0, caller: "alice", inviter: "carol", extendedData: "x", timeout: 90, createTime: since + 1,
    callUserList: [{ userID: "alice", state: 1, extendedData: "" }, { userID: "bob", state: 0, extendedData: "" }, { userID: "carol", state: 0, extendedData: "" }],
  });
  assert.deepEqual(callEvents(inCall, ended, "alice", since).at(-1)!.data, { callID: "1", mode: 1, caller: "alice", operatedUserID: "bob", extendedData: "", endTime: 5 });
});

/** A tracker of bob's with a listener that the test speaks through. */
function tracker(serverTime: () => number) {
  const fired: string[] = [], settled: string[] = [];
  let news: (list: CallDocument[]) => void = () => {};
  let fail: (err: unknown) => void = () => {};
  let listeners = 0;
  const feed = { calls: (_since: number, n: typeof news, f: typeof fail) => { news = n; fail = f; listeners++; return () => {}; } } as unknown as Feed;
  const t = new CallTracker({
    feed, userID: "bob", fire: (type) => { fired.push(type); }, settle: (id) => Promise.resolve(void settled.push(id)), serverTime,
  });
  t.start(since);
  return { t, fired, settled, news: (c: CallDocument) => news([c]), fail: () => fail(new Error("broken")), listeners: () => listeners };
}

const info = { callID: "1", caller: "alice", inviter: "alice", createTime: since - 5, endTime: 0, state: 1, mode: 0, extendedData: "", timeout: 90, expiresAt: since + 1000, callUserList: [{ userID: "alice", state: 1, extendedData: "" }, { userID: "bob", state: 0, extendedData: "" }] };

test("a call that sync tells of and the listener too comes once", () => {
  for (const syncFirst of [true, false]) {
    const { t, fired, news } = tracker(() => since);
    const document = call({ createTime: since - 5, users: { carol: { state: U.Rejected } } });
    if (syncFirst) t.ringing([info]);
    news(document);
    if (!syncFirst) t.ringing([info]);
    t.stop();
    assert.equal(fired.filter((type) => type === "callInvitationReceived").length, 1, `sync first: ${syncFirst}`);
  }
});

test("the server is asked to end an invitation when it runs out, by its own clock", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { t, settled, news } = tracker(() => since + 60_000);
  news(call());
  context.mock.timers.tick(30_400);
  assert.deepEqual(settled, []);
  context.mock.timers.tick(200);
  assert.deepEqual(settled, ["1"]);
  news(call({ rev: 2, users: { bob: { state: U.Rejected }, carol: { state: U.Rejected } } }));
  context.mock.timers.tick(1_000_000);
  assert.deepEqual(settled, ["1"]);
  t.stop();
});

test("a listener that fails is replaced", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { t, fired, fail, listeners } = tracker(() => since);
  fail();
  assert.deepEqual([fired, listeners()], [["error"], 1]);
  context.mock.timers.tick(20_000);
  assert.equal(listeners(), 2);
  t.stop();
  fail();
  context.mock.timers.tick(20_000);
  assert.equal(listeners(), 2);
});
