import assert from "node:assert/strict";
import { test } from "node:test";

import { Inbox } from "../src/inbox.js";
import type { ZIMMessage } from "../src/types.js";

const m = (orderKey: number): ZIMMessage => ({ type: 1, orderKey, timestamp: 100 + orderKey });

test("a message is new once, in order, and for good", () => {
  const inbox = new Inbox("i1");
  assert.deepEqual(inbox.take("c", [m(2), m(1)]).map((x) => x.orderKey), [1, 2]);
  assert.deepEqual(inbox.take("c", [m(1), m(2), m(3)]).map((x) => x.orderKey), [3]);
  assert.deepEqual(inbox.take("d", [m(1)]).map((x) => x.orderKey), [1]);
  inbox.passed("cursor");
  inbox.flush();
  const later = new Inbox("i1");
  assert.deepEqual([later.cursor, later.newest, later.position("c"), later.position("d"), later.position("e")], ["cursor", 103, 3, 1, undefined]);
  assert.deepEqual(later.take("c", [m(3)]), []);
  later.clear();
  assert.equal(new Inbox("i1").position("c"), undefined);
});

test("two tabs keep each other's positions", () => {
  const one = new Inbox("i2"), two = new Inbox("i2");
  one.take("a", [m(5)]);
  two.take("b", [m(7)]);
  one.flush();
  two.flush();
  const later = new Inbox("i2");
  assert.deepEqual([later.position("a"), later.position("b")], [5, 7]);
});

test("what another tab had first is still new to this one's page", () => {
  const one = new Inbox("i4"), two = new Inbox("i4");
  one.take("c", [m(1)]);
  two.take("c", [m(1), m(2)]);
  two.flush();
  one.flush();
  assert.deepEqual(one.take("c", [m(2)]).map((x) => x.orderKey), [2]);
  assert.equal(new Inbox("i4").position("c"), 2, "the other tab's position is lost");
});

test("a thousand conversations are remembered, those with the latest messages", () => {
  const inbox = new Inbox("i3");
  for (let i = 0; i < 1000; i++) inbox.advance(`c${i}`, 1);
  inbox.advance("c0", 2);
  inbox.advance("new", 1);
  inbox.flush();
  const later = new Inbox("i3");
  assert.deepEqual([later.position("c0"), later.position("c1"), later.position("new")], [2, undefined, 1]);
});
