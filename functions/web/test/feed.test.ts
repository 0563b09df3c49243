import assert from "node:assert/strict";
import { test } from "node:test";

import { FirestoreFeed } from "../src/feed.js";
import { firebase } from "./fakes/firebase.js";
import { settled } from "./fakes/clock.js";

const feed = new FirestoreFeed({} as never, "me");

/** A snapshot as Firestore gives it. */
const snapshot = (fromCache: boolean, ...docs: Record<string, unknown>[]): object => ({
  metadata: { fromCache },
  docs: docs.map((data) => ({ id: data.cid, ref: { parent: { parent: { id: data.cid } } }, get: (name: string) => data[name], data: () => data })),
});

test("what Firestore shows out of its cache isn't news", async () => {
  const told: number[][] = [];
  feed.follow("c", 3, (list) => { told.push(list.map((m) => m.orderKey)); }, () => {});
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
  assert.deepEqual(told, [{ cid: "c1", conversationID: "bob", lastSeq: 4 }, { cid: "c2", groupID: "g", role: 3, joinSeq: 7 }]);
});

test("a listener's failure is told", async () => {
  let failure: unknown;
  feed.calls(0, () => {}, (err) => { failure = err; });
  await settled();
  firebase.listener!.failed("permission-denied");
  assert.equal(failure, "permission-denied");
});
