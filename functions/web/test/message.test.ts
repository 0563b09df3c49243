import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { ZIMErrorCode, ZIMMessageType } from "../src/enums.js";
import { pushConfig, sendBody, toMessage, type WireMessage } from "../src/message.js";

const wire: WireMessage = { messageID: "m", localMessageID: "l", type: 1, message: "hi", senderUserID: "alice", conversationID: "bob", conversationType: 0, timestamp: 5, orderKey: 3 };

test("a message of a document, as each side knows it", () => {
  const mine = toMessage(wire, "alice"), theirs = toMessage(wire, "bob");
  assert.deepEqual([mine.conversationID, mine.direction, theirs.conversationID, theirs.direction, theirs.messageSeq, theirs.orderKey], ["bob", 0, "alice", 1, 3, 3]);
  const inGroup = toMessage({ ...wire, conversationType: 2, conversationID: "g" }, "bob");
  assert.equal(inGroup.conversationID, "g");
});

test("what the operator's backend sent says so, and nothing else does", () => {
  const news = toMessage({ ...wire, senderUserID: "system", conversationID: "bob", system: true }, "bob");
  assert.deepEqual([news.system, news.isServerMessage, news.conversationID], [true, true, "system"]);
  const other = toMessage(wire, "bob");
  assert.ok(!("system" in other) && !("isServerMessage" in other));
});

test("commands are bytes, custom messages have a subType", () => {
  const command = toMessage({ ...wire, type: 2, message: "é" }, "bob") as unknown as { message: Uint8Array };
  assert.deepEqual([...command.message], [0xc3, 0xa9]);
  assert.equal((toMessage({ ...wire, type: 200, subType: 9 }, "bob") as unknown as { subType: number }).subType, 9);
  const body = sendBody({ type: 2, message: new TextEncoder().encode("é") }, "bob", 0, {}, "l") as { message: object };
  assert.deepEqual(body.message, { type: 2, message: "é" });
});

for (const [what, message, config, code] of [
  ["no type", {}, {}, ZIMErrorCode.CommonModuleParamsInvalid],
  ["an image", { type: ZIMMessageType.Image }, {}, ZIMErrorCode.CommonModuleUnsupportedRequest],
  ["no text", { type: 1 }, {}, ZIMErrorCode.CommonModuleParamsInvalid],
  ["bytes that are no text", { type: 2, message: new Uint8Array([0xff]) }, {}, ZIMErrorCode.CommonModuleParamsInvalid],
  ["a receipt", { type: 1, message: "x" }, { hasReceipt: true }, ZIMErrorCode.CommonModuleUnsupportedRequest],
  ["outside the unread count", { type: 1, message: "x" }, { disableUnreadMessageCount: true }, ZIMErrorCode.CommonModuleUnsupportedRequest],
  ["a vendor's template", { type: 1, message: "x" }, { pushConfig: { title: "t", content: "c", privateMessageTemplate: { templateID: "1", titleParameters: "", contentParameters: "" } } }, ZIMErrorCode.CommonModuleUnsupportedRequest],
] as const) {
  test(`not sent: ${what}`, () => {
    assert.throws(() => sendBody(message as never, "bob", 0, config, "l"), { code });
  });
}

test("what a message may have goes out, what it hasn't doesn't", () => {
  assert.deepEqual(
    sendBody({ type: 200, message: "x", subType: 3, extendedData: "e", mentionedUserIDs: ["bob"], isMentionAll: true }, "g", 2, { priority: 3, isNotifyMentionedUsers: true, pushConfig: { title: "t", content: "c", payload: "p", threadID: "th", enableBadge: true, badgeIncrement: 2 } }, "l"),
    {
      message: { type: 200, message: "x", subType: 3, extendedData: "e", mentionedUserIDs: ["bob"], isMentionAll: true },
      toConversationID: "g", conversationType: 2, localMessageID: "l",
      config: { priority: 3, isNotifyMentionedUsers: true, pushConfig: { title: "t", content: "c", payload: "p", threadID: "th", enableBadge: true, badgeIncrement: 2 } },
    });
  assert.deepEqual(sendBody({ type: 20, message: "x" }, "r", 1, { pushConfig: { title: "t", content: "c" } }, "l"), {
    message: { type: 20, message: "x" }, toConversationID: "r", conversationType: 1, localMessageID: "l", config: { priority: 1 },
  });
});

test("whom a push is for, and what it replaces, goes out as it is", () => {
  const own = { skipPush: true, deviceFilter: { only: { platforms: ["ios", 6] }, except: { pushIDs: ["p"] } }, collapseID: "score" };
  const { config } = sendBody({ type: 1, message: "x" }, "bob", 0, { priority: 2, ...own }, "l") as { config: object };
  assert.deepEqual(config, { priority: 2, ...own });
  const none = sendBody({ type: 1, message: "x" }, "bob", 0, { skipPush: false, collapseID: "" }, "l") as { config: object };
  assert.deepEqual(none.config, { priority: 1 });
});

test("a pushConfig without a title or a content is no push, and the console says so", () => {
  const warn = mock.method(console, "warn", () => {});
  assert.equal(pushConfig({ title: "t", content: "" }, "sendMessage"), undefined);
  assert.equal(pushConfig({ content: "c" }, "callInvite"), undefined);
  assert.deepEqual(warn.mock.calls.map((c) => String(c.arguments[0]).split(",")[0]), ["Doorbell: sendMessage's pushConfig has no content", "Doorbell: callInvite's pushConfig has no title"]);
  assert.equal(pushConfig(undefined, "sendMessage"), undefined);
  assert.equal(warn.mock.callCount(), 2);
  warn.mock.restore();
});

test("payload and its older name", () => {
  const voIPConfig = { iOSVoIPHandleType: 1, iOSVoIPHandleValue: "alice", iOSVoIPHasVideo: true };
  assert.deepEqual(pushConfig({ title: "t", content: "c", voIPConfig }, ""), { title: "t", content: "c", voIPConfig });
  assert.deepEqual(pushConfig({ silent: true, title: "not shown", payload: "p" }, ""), { silent: true, payload: "p" });
  assert.deepEqual(pushConfig({ silent: true, enableBadge: true }, ""), { silent: true, enableBadge: true, badgeIncrement: 0 });
  assert.deepEqual(pushConfig({ title: "t", content: "c", extendedData: "old" }, ""), { title: "t", content: "c", payload: "old" });
  assert.deepEqual(pushConfig({ title: "t", content: "c", payload: "new", extendedData: "old" }, ""), { title: "t", content: "c", payload: "new" });
});
