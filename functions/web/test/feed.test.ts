import assert from "node:assert/strict";
import { test } from "node:test";

import { FirestoreFeed } from "../src/feed.js";
import { firebase } from "./fakes/firebase.js";
import { settled } from "./fakes/clock.js";

const feed = new FirestoreFeed({} as never, "me");

/** A snapshot as Firestore gives it. */
const snapshot = (fromCache: boolean, ...docs: Record<string, unknown>[]): { metadata: object; docs: object[] } => ({
  metadata: { fromCache },
  docs: docs.map((data) => ({ id: data.cid, ref: { parent: { parent: { id: data.cid } } }, get: (name: string) => data[name], data: () => data })),
});

test("what Firestore shows out of its cache isn't news", async () => {
  const told: number[][] = [];
  feed.follow("c", 3, (list) => { told.push(list.map((m) => m.orderKey)); }, () => {}, () => {});
  await settled();
  assert.deepEqual(firebase.listener!.options, { includeMetadataChanges: true }, "or a complete answer that adds nothing is never told");
  const { news } = firebase.listener!;
  news(snapshot(true, { orderKey: 5 })); // 4 is still on its way
  news(snapshot(false, { orderKey: 4 }, { orderKey: 5 }));
  news(snapshot(true, { orderKey: 4 }, { orderKey: 5 }, { orderKey: 6 }));
  news(snapshot(false, { orderKey: 4 }, { orderKey: 5 }, { orderKey: 6 }));
  news(snapshot(false, { orderKey: 4 }, { orderKey: 5 }, { orderKey: 6 }));
  assert.deepEqual(told, [[4, 5], [6]]);
});

test("documents as the receiver wants them", async () => {
  const told: unknown[] = [];
  feed.peers(0, (list) => told.push(...list), () => {});
  await settled();
  firebase.listener!.news(snapshot(false, { cid: "c1", members: ["bob", "me"], lastSeq: 4 }));
  feed.memberships((list) => told.push(...list), () => {});
  await settled();
  firebase.listener!.news(snapshot(false, { cid: "c2", groupID: "g", role: 3, joinSeq: 7 }));
  assert.deepEqual(told, [{ cid: "c1", conversationID: "bob", lastSeq: 4, changedAt: 0 }, { cid: "c2", groupID: "g", role: 3, joinSeq: 7 }]);
});

test("a message that is changed after it was given is told of as changed, each change once", async () => {
  const told: number[][] = [], changed: string[][] = [];
  feed.follow("c", 0, (list) => { told.push(list.map((m) => m.orderKey)); }, () => {}, (list) => { changed.push(list.map((m) => `${m.messageID} ${m.changedAt}`)); });
  await settled();
  const { news } = firebase.listener!;
  const m = (orderKey: number, changedAt?: number) => ({ messageID: `m${orderKey}`, orderKey, ...(changedAt ? { changedAt } : {}) });
  news(snapshot(false, m(1), m(2, 5)));
  news(snapshot(false, m(1, 6), m(2, 5), m(3)));
  news(snapshot(false, m(1, 6), m(2, 7), m(3)));
  assert.deepEqual([told, changed], [[[1, 2], [3]], [["m1 6"], ["m2 7"]]]);
});

test("a listener's failure is told", async () => {
  let failure: unknown;
  feed.calls(0, () => {}, (err) => { failure = err; });
  await settled();
  firebase.listener!.failed("permission-denied");
  assert.equal(failure, "permission-denied");
});

test("what the emulator's first answer lacks, a second look finds, once", async () => {
  const lookedAt = async (emulated: boolean, act: (news: (all: object) => void) => void = () => {}): Promise<number[][]> => {
    const told: number[][] = [];
    firebase.found = snapshot(false, { orderKey: 1 }).docs;
    const stop = new FirestoreFeed({} as never, "me", emulated).follow("c", 0, (list) => { told.push(list.map((m) => m.orderKey)); }, () => {}, () => {});
    await Promise.resolve(); // the first answer, which is empty
    act(firebase.listener!.news);
    await settled();
    stop();
    firebase.found = [];
    return told;
  };
  assert.deepEqual(await lookedAt(true), [[1]]);
  assert.deepEqual(await lookedAt(false), [], "Firestore's own answer is complete, and a look costs a read");
  assert.deepEqual(await lookedAt(true, (news) => news(snapshot(false, { orderKey: 1 }, { orderKey: 2 }))), [[1, 2]]);
});

test("who stops listening is told nothing of a second look", async () => {
  const told: unknown[] = [];
  firebase.found = snapshot(false, { orderKey: 1 }).docs;
  const stop = new FirestoreFeed({} as never, "me", true).follow("c", 0, (list) => told.push(...list), () => {}, () => {});
  await Promise.resolve();
  stop();
  await settled();
  firebase.found = [];
  assert.deepEqual(told, []);
});
