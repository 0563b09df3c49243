import assert from "node:assert/strict";
import { test } from "node:test";

import type { EventData } from "../src/events.js";
import { Inbox } from "../src/inbox.js";
import { Receiver } from "../src/receiver.js";
import { chance, Clock } from "./fakes/clock.js";
import { Server } from "./fakes/server.js";

interface Delivered { cid: string; orderKey: number; offline: boolean; at: number }

/** A page of the user's: a Receiver on a server, and what it fired. */
function page(server: Server, clock: Clock, key: string, sent: Set<string>, delivered: Delivered[]) {
  const states: number[] = [];
  const inbox = new Inbox(key);
  const receiver = new Receiver({
    api: { post: server.post }, feed: server.feed(), inbox, userID: server.userID,
    fire: (type, data) => {
      if (type === "conversationSyncStateChanged") states.push((data as { state: number }).state);
      if (type !== "peerMessageReceived" && type !== "groupMessageReceived") return;
      const { messageList, fromConversationID, info } = data as EventData["peerMessageReceived"];
      for (const m of messageList) delivered.push({ cid: `${m.conversationType}-${fromConversationID}`, orderKey: m.orderKey!, offline: info.isOfflineMessage, at: clock.now });
    },
    ringing: () => {}, groups: () => {}, sentHere: (id) => sent.has(id), changedHere: (id) => sent.has(id), wait: (ms) => clock.sleep(ms),
  });
  return { receiver, inbox, states };
}

test("what was missed comes from sync, what follows from the listeners", async () => {
  const clock = new Clock();
  const server = new Server(clock, () => 20);
  const bob = server.add(0, "bob");
  const group = server.add(2, "g");
  server.send(bob, "bob", "1");
  server.send(group, "carol", "2");
  const delivered: Delivered[] = [];
  const p = page(server, clock, "k1", new Set(["own"]), delivered);
  void p.receiver.start(clock.now);
  await clock.run(1000);
  assert.deepEqual(p.states, [0, 1]);
  server.send(bob, "bob", "3");
  server.send(bob, "me", "own");
  server.send(bob, "me", "of another device");
  server.send(group, "carol", "4");
  const carol = server.add(0, "carol");
  server.send(carol, "carol", "first words");
  await clock.run(1000);
  p.receiver.stop();
  const seen = delivered.map(({ cid, orderKey, offline }) => `${cid} ${orderKey} ${offline}`);
  assert.deepEqual(seen.sort(), ["0-bob 1 true", "0-bob 2 false", "0-bob 4 false", "0-carol 1 false", "2-g 1 true", "2-g 2 false"]);
});

test("what is revoked or edited after it came is told of, once, whoever did that elsewhere", async () => {
  const clock = new Clock();
  const server = new Server(clock, () => 20);
  const bob = server.add(0, "bob"), group = server.add(2, "g");
  const told: string[] = [];
  const inbox = new Inbox("changes");
  const receiver = new Receiver({
    api: { post: server.post }, feed: server.feed(), inbox, userID: server.userID, ringing: () => {}, groups: () => {},
    sentHere: () => false, changedHere: (id) => id === "0-bob/3", wait: (ms) => clock.sleep(ms),
    fire: (type, data) => {
      if (type === "error") told.push(String(data));
      if (type !== "messageRevokeReceived" && type !== "messageEdited") return;
      for (const m of (data as EventData["messageEdited"]).messageList) told.push(`${type} ${m.messageID} ${m.conversationID}`);
    },
  });
  server.send(bob, "bob", "1");
  server.change(bob, 1, { message: "before the login" });
  await clock.run(1000);
  void receiver.start(clock.now);
  await clock.run(1000);
  for (const local of ["2", "3"]) server.send(bob, "me", local);
  server.send(group, "carol", "1");
  await clock.run(1000);
  server.change(bob, 1, { type: 31, message: "" });
  server.change(bob, 2, { message: "x" });
  server.change(bob, 3, { message: "here" });
  server.change(group, 1, { message: "y" });
  await clock.run(1000);
  server.change(group, 1, { type: 31, message: "" });
  await clock.run(1000);
  receiver.stop();
  assert.deepEqual(told.sort(), [
    "messageEdited 0-bob/2 bob", "messageEdited 2-g/1 g", "messageRevokeReceived 0-bob/1 bob", "messageRevokeReceived 2-g/1 g",
  ]);
});

test("read messages and those before joining a group don't come; a later login has only what is new", async () => {
  const clock = new Clock();
  const server = new Server(clock, () => 20);
  const bob = server.add(0, "bob");
  for (let i = 0; i < 5; i++) server.send(bob, "bob", `b${i}`);
  bob.read = 3;
  const group = server.add(2, "g", false);
  server.send(group, "carol", "before");
  const delivered: Delivered[] = [];
  const first = page(server, clock, "k2", new Set(), delivered);
  void first.receiver.start(clock.now);
  await clock.run(1000);
  server.join(group);
  await clock.run(100);
  server.send(group, "carol", "after");
  await clock.run(1000);
  first.receiver.stop();
  assert.deepEqual(delivered.map(({ cid, orderKey }) => `${cid} ${orderKey}`), ["0-bob 4", "0-bob 5", "2-g 2"]);

  delivered.length = 0;
  server.send(bob, "bob", "while away");
  const second = page(server, clock, "k2", new Set(), delivered);
  void second.receiver.start(clock.now);
  await clock.run(1000);
  second.receiver.stop();
  assert.deepEqual(delivered.map(({ cid, orderKey, offline }) => `${cid} ${orderKey} ${offline}`), ["0-bob 6 true"]);
});

test("without Firestore what was missed comes all the same, and the rest once it is back", async () => {
  const clock = new Clock();
  const server = new Server(clock, () => 20);
  const bob = server.add(0, "bob");
  server.send(bob, "bob", "1");
  const delivered: Delivered[] = [];
  const p = page(server, clock, "k3", new Set(), delivered);
  const feed = server.feed();
  let blocked = true;
  // A listener that can't reach Firestore says nothing.
  const peers = feed.peers;
  Object.assign((p.receiver as unknown as { parts: { feed: object } }).parts.feed, {
    peers: (...args: Parameters<typeof peers>) => {
      if (!blocked) return peers(...args);
      void clock.sleep(60_000).then(() => peers(...args));
      return () => {};
    },
  });
  void p.receiver.start(clock.now);
  await clock.run(30_000);
  assert.equal(delivered.length, 1);
  server.send(bob, "bob", "2");
  blocked = false;
  await clock.run(60_000);
  server.send(bob, "bob", "3");
  await clock.run(1_000);
  p.receiver.stop();
  assert.deepEqual(delivered.map((d) => d.orderKey), [1, 2, 3]);
});

test("who leaves a group and comes back before the first sync is done isn't told of what came meanwhile", async () => {
  const clock = new Clock();
  const server = new Server(clock, () => 20);
  const group = server.add(2, "g");
  server.send(group, "carol", "read");
  group.read = 1;
  const post = server.post;
  server.post = async () => { throw new Error("sync is broken"); };
  const delivered: Delivered[] = [];
  const p = page(server, clock, "k5", new Set(), delivered);
  Object.assign((p.receiver as unknown as { parts: { api: object } }).parts.api, { post: (path: string, body: object) => server.post(path, body) });
  void p.receiver.start(clock.now);
  await clock.run(500);
  server.leave(group);
  server.send(group, "carol", "while away");
  await clock.run(100);
  server.join(group);
  server.post = post;
  await clock.run(10_000);
  server.send(group, "carol", "after");
  await clock.run(1000);
  p.receiver.stop();
  assert.deepEqual(delivered.map((d) => d.orderKey), [3]);
});

test("ackedUpTo stays behind while something earlier may be on its way", async () => {
  const clock = new Clock();
  const server = new Server(clock, () => 50);
  const bob = server.add(0, "bob");
  const p = page(server, clock, "k4", new Set(), []);
  void p.receiver.start(clock.now);
  await clock.run(1000);
  assert.equal(p.receiver.ackedUpTo, 0);
  const sentAt = server.send(bob, "bob", "1").timestamp;
  await clock.run(60); // the listener has told of it, the read is under way
  assert.equal(p.receiver.ackedUpTo, 0);
  await clock.run(500);
  assert.equal(p.receiver.ackedUpTo, sentAt);
  p.receiver.stop();
});

// Many conversations, some read and some not, groups joined and left, pages that
// come and go, everything late, much broken: each message comes once and in its
// conversation's order.
test("no gaps and no repeats", async () => {
  for (let seed = 1; seed <= 150; seed++) {
    const random = chance(seed);
    const clock = new Clock();
    const slow = random(2) ? 2000 : 200;
    const server = new Server(clock, () => 1 + random(random(4) ? 50 : slow));
    const peers = ["ann", "ben", "cat", "dan", "eve", "fay"].map((id) => server.add(0, id));
    const groups = ["g1", "g2", "g3", "g4"].map((id, i) => server.add(2, id, i < 2));
    const all = [...peers, ...groups];
    const sent = new Set<string>();
    const delivered: Delivered[] = [];
    const must = new Map(all.map((c) => [c.cid, new Set<number>()]));
    const may = new Map(all.map((c) => [c.cid, new Set<number>()])); // on their way when the user left the group
    let open: ReturnType<typeof page> | undefined;
    const say = (): void => {
      const c = all[random(all.length)]!;
      const own = c.member && random(5) === 0 && open !== undefined;
      const local = `m${random(1e9)}`;
      if (own) sent.add(local);
      const m = server.send(c, own ? server.userID : c.type === 0 ? c.id : "somebody", local, random(3000) - 1500);
      if (!own && c.member) must.get(c.cid)!.add(m.orderKey);
    };
    const login = (): void => {
      open = page(server, clock, `seed${seed}`, sent, delivered);
      void open.receiver.start(clock.now);
    };
    const come = (c: (typeof groups)[number]): void => {
      if (!c.member) return server.join(c);
      const had = new Set(delivered.filter((d) => d.cid === c.cid).map((d) => d.orderKey));
      for (const n of must.get(c.cid)!) {
        if (had.has(n)) continue;
        must.get(c.cid)!.delete(n);
        may.get(c.cid)!.add(n);
      }
      server.leave(c);
    };

    for (let i = random(25); i > 0; i--) say();
    for (const c of all) {
      c.read = random(2) ? c.messages.length : random(c.messages.length + 1);
      for (let n = 1; n <= c.read; n++) must.get(c.cid)!.delete(n);
    }
    await clock.run(random(2) ? 300_000 : 1000);
    const trouble = [3, 10, 1e9][random(3)]!;
    server.breaks = () => random(trouble) === 0;
    login();
    for (let step = 0; step < 120; step++) {
      const what = random(20);
      if (what === 0) come(groups[random(groups.length)]!);
      else if (what === 1) void open?.receiver.sync();
      else if (what > 3) say();
      else if (open) {
        open.receiver.stop();
        open = undefined;
      } else login();
      await clock.run(random(random(3) ? 200 : 20_000));
    }
    // In the end all is well for long enough.
    server.breaks = () => false;
    if (!open) login();
    await clock.run(600_000);
    open!.receiver.stop();
    for (const c of all) {
      const got = delivered.filter((d) => d.cid === c.cid).map((d) => d.orderKey);
      assert.deepEqual(got, [...new Set(got)].sort((a, b) => a - b), `seed ${seed}: ${c.cid} in order, once`);
      assert.deepEqual(got.filter((n) => !may.get(c.cid)!.has(n)), [...must.get(c.cid)!], `seed ${seed}: all of ${c.cid}`);
    }
  }
});
