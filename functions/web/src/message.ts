// Messages between the SDK's shape, the API's and the documents'.
import { ZIMConversationType, ZIMMessageDirection, ZIMMessageReceiptStatus, ZIMMessageRevokeStatus, ZIMMessageSentStatus, ZIMMessageType, ZIMRevokeType } from "./enums.js";
import { invalid, unsupported } from "./errors.js";
import type { ZIMMessage, ZIMMessageEditConfig, ZIMMessageInput, ZIMMessageRevokeConfigInput, ZIMMessageSendConfigInput, ZIMPushConfigInput } from "./types.js";

/** A message as the API and the documents have it. */
export interface WireMessage {
  messageID: string;
  localMessageID: string;
  type: number;
  message: string;
  subType?: number;
  extendedData?: string;
  senderUserID: string;
  /** What the sender addressed, in a document; what the caller knows it by, in an answer. */
  conversationID: string;
  conversationType: number;
  timestamp: number;
  orderKey: number;
  mentionedUserIDs?: string[];
  isMentionAll?: boolean;
  direction?: number;
  isOfflineMessage?: boolean;
  revokeTimestamp?: number;
  operatedUserID?: string;
  revokeStatus?: number;
  revokeExtendedData?: string;
  originalMessageType?: number;
  editorUserID?: string;
  editedTime?: number;
  /** The operator's backend sent it. */
  system?: boolean;
  /** When it was revoked or edited last, in a document. */
  changedAt?: number;
}

/** toMessage is m as userID's client shows it. */
export function toMessage(m: WireMessage, userID: string): ZIMMessage {
  const mine = m.senderUserID === userID;
  const peer = m.conversationType === ZIMConversationType.Peer;
  return {
    type: m.type,
    messageID: m.messageID,
    localMessageID: m.localMessageID,
    messageSeq: m.orderKey,
    senderUserID: m.senderUserID,
    conversationID: peer && !mine ? m.senderUserID : m.conversationID,
    conversationType: m.conversationType,
    direction: mine ? ZIMMessageDirection.Send : ZIMMessageDirection.Receive,
    sentStatus: ZIMMessageSentStatus.Success,
    timestamp: m.timestamp,
    orderKey: m.orderKey,
    isUserInserted: false,
    receiptStatus: ZIMMessageReceiptStatus.None,
    extendedData: m.extendedData ?? "",
    localExtendedData: "",
    reactions: [],
    isBroadcastMessage: false,
    mentionedUserIDs: m.mentionedUserIDs ?? [],
    isMentionAll: m.isMentionAll ?? false,
    ...(m.system ? { system: true, isServerMessage: true } : {}),
    ...(m.editedTime ? { editorUserID: m.editorUserID, editedTime: m.editedTime } : {}),
    ...content(m),
  } as ZIMMessage;
}

function content(m: WireMessage): object {
  if (m.type === ZIMMessageType.Command) return { message: new TextEncoder().encode(m.message) };
  if (m.type === ZIMMessageType.Revoke) return revoked(m);
  if (m.type === ZIMMessageType.Custom) return { message: m.message, subType: m.subType ?? 0, searchedContent: "" };
  return { message: m.message };
}

function revoked(m: WireMessage): object {
  return {
    revokeType: ZIMRevokeType.TwoWay,
    revokeStatus: m.revokeStatus ?? ZIMMessageRevokeStatus.SelfRevoke,
    revokeTimestamp: m.revokeTimestamp ?? 0,
    operatedUserID: m.operatedUserID ?? "",
    revokeExtendedData: m.revokeExtendedData ?? "",
    originalMessageType: m.originalMessageType ?? ZIMMessageType.Unknown,
    originalTextMessageContent: "",
  };
}

/** addressOf is how the API is told which message is meant. */
function addressOf(m: ZIMMessage): object {
  if (!m?.messageID || !m.conversationID || m.conversationType === undefined) throw invalid("message", "must be one that was sent: it has a messageID, a conversationID and a conversationType");
  return { messageID: m.messageID, conversationID: m.conversationID, conversationType: m.conversationType };
}

/** revokeBody is the body of POST message-revoke. */
export function revokeBody(m: ZIMMessage, config: ZIMMessageRevokeConfigInput): object {
  const push = pushConfig(config.pushConfig, "revokeMessage");
  return { ...addressOf(m), config: { ...(config.revokeExtendedData ? { revokeExtendedData: config.revokeExtendedData } : {}), ...(push ? { pushConfig: push } : {}) } };
}

/** editBody is the body of POST message-edit. */
export function editBody(m: ZIMMessageInput, config: ZIMMessageEditConfig): object {
  const push = pushConfig(config.pushConfig, "editMessage");
  return { ...addressOf(m), message: contentOf(m), config: push ? { pushConfig: push } : {} };
}

function contentOf(m: ZIMMessageInput): object {
  return {
    type: m.type,
    message: text(m),
    ...(m.subType ? { subType: m.subType } : {}),
    ...(m.extendedData ? { extendedData: m.extendedData } : {}),
    ...(m.mentionedUserIDs?.length ? { mentionedUserIDs: m.mentionedUserIDs } : {}),
    ...(m.isMentionAll ? { isMentionAll: true } : {}),
  };
}

/** sendBody is the body of POST send. */
export function sendBody(m: ZIMMessageInput, to: string, type: number, config: ZIMMessageSendConfigInput, localMessageID: string): object {
  if (config.hasReceipt) throw unsupported("message receipts: leave out hasReceipt");
  if (config.disableUnreadMessageCount) throw unsupported("messages outside the unread count: leave out disableUnreadMessageCount");
  const push = pushConfig(config.pushConfig, "sendMessage");
  return {
    message: contentOf(m),
    toConversationID: to,
    conversationType: type,
    localMessageID,
    config: {
      priority: config.priority ?? 1,
      ...(config.isNotifyMentionedUsers ? { isNotifyMentionedUsers: true } : {}),
      // Rooms are never pushed, there or here.
      ...(push && type !== ZIMConversationType.Room ? { pushConfig: push } : {}),
      ...(config.skipPush ? { skipPush: true } : {}),
      ...(config.deviceFilter ? { deviceFilter: config.deviceFilter } : {}),
      ...(config.collapseID ? { collapseID: config.collapseID } : {}),
    },
  };
}

const sendable = [ZIMMessageType.Text, ZIMMessageType.Command, ZIMMessageType.Barrage, ZIMMessageType.Custom];

function text(m: ZIMMessageInput): string {
  if (typeof m?.type !== "number") throw invalid("message.type", "is required: 1 text, 2 command, 20 barrage or 200 custom");
  if (!sendable.includes(m.type)) throw unsupported(`messages of type ${m.type}: give 1 (text), 2 (command), 20 (barrage) or 200 (custom)`);
  const value = m.message;
  if (typeof value === "string") return value;
  if (!ArrayBuffer.isView(value)) throw invalid("message.message", m.type === ZIMMessageType.Command ? "must be a Uint8Array" : "must be a string");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    throw invalid("message.message", "holds bytes that are no UTF-8: Doorbell's command messages are text");
  }
}

/**
 * pushConfig is p as the API takes it. Without a title or a content there is no
 * push, as in the compared SDK, which says nothing; here the console does. A
 * silent one has neither, and its badge is for the app.
 */
export function pushConfig(p: ZIMPushConfigInput | undefined, call: string): object | undefined {
  if (!p) return undefined;
  if (p.privateMessageTemplate) throw unsupported("vendors' message templates: leave out pushConfig.privateMessageTemplate");
  const carried = {
    ...(p.payload || p.extendedData ? { payload: p.payload || p.extendedData } : {}),
    ...(p.resourcesID ? { resourcesID: p.resourcesID } : {}),
    ...(p.threadID ? { threadID: p.threadID } : {}),
    ...(p.voIPConfig ? { voIPConfig: p.voIPConfig } : {}),
    ...(p.enableBadge ? { enableBadge: true, badgeIncrement: p.badgeIncrement ?? 0 } : {}),
  };
  if (p.silent) return { silent: true, ...carried };
  if (!p.title || !p.content) {
    console.warn(`Doorbell: ${call}'s pushConfig has no ${p.title ? "content" : "title"}, so nobody is pushed to: a push has both`);
    return undefined;
  }
  return {
    title: p.title,
    content: p.content,
    ...carried,
  };
}
