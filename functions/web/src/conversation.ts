// Conversations and their messages over HTTP.
import { ZIMConversationType } from "./enums.js";
import { invalid, unsupported } from "./errors.js";
import type { Api } from "./http.js";
import { toMessage, type WireMessage } from "./message.js";
import type {
  ZIMConversation, ZIMConversationFilterOption, ZIMConversationListQueriedResult, ZIMConversationNotificationStatusSetResult,
  ZIMConversationQueryConfig, ZIMGroupConversation, ZIMMessageQueriedResult, ZIMMessageQueryConfig,
} from "./types.js";

export interface WireConversation {
  conversationID: string;
  type: number;
  conversationName?: string;
  conversationAvatarUrl?: string;
  notificationStatus?: number;
  mutedExpiredTime?: number;
  unreadMessageCount?: number;
  readMessageSeq?: number;
  orderKey?: number;
  lastMessage?: WireMessage | null;
}

export class Conversations {
  /** Where the page after a conversation starts, for those that ended a page. */
  private readonly flags = new Map<string, unknown>();

  constructor(private readonly api: Api, private readonly userID: string) {}

  async list(config: ZIMConversationQueryConfig, option?: Partial<ZIMConversationFilterOption>): Promise<ZIMConversationListQueriedResult> {
    if (option?.marks?.length) throw unsupported("conversation marks: leave out option.marks");
    const last = config.nextConversation;
    const nextFlag = last && this.flags.get(key(last));
    if (last && nextFlag === undefined) {
      throw invalid("config.nextConversation", "must be the last conversation of the page before, and of a page that wasn't the last");
    }
    const answer = await this.api.post<{ conversationList: WireConversation[]; nextFlag?: unknown }>("/conversations", {
      count: config.count, ...(nextFlag === undefined ? {} : { nextFlag }),
    });
    const conversationList = answer.conversationList.map((c) => toConversation(c, this.userID));
    const end = conversationList.at(-1);
    if (end) this.flags.delete(key(end));
    if (end && answer.nextFlag) this.flags.set(key(end), answer.nextFlag);
    return { conversationList: conversationList.filter((c) => wanted(c, option)) };
  }

  async history(conversationID: string, type: ZIMConversationType, config: ZIMMessageQueryConfig): Promise<ZIMMessageQueriedResult> {
    const seq = config.nextMessage?.messageSeq ?? config.nextMessage?.orderKey;
    if (config.nextMessage && !seq) throw invalid("config.nextMessage", "must be a message that a query answered");
    const reverse = config.reverse ?? true;
    if (seq === 1 && reverse) return { conversationID, conversationType: type, messageList: [] };
    const answer = await this.api.post<{ messageList: WireMessage[] }>("/messages", {
      conversationID,
      conversationType: type,
      nextMessageSeq: seq ? seq + (reverse ? -1 : 1) : 0,
      count: config.count,
      reverse,
    });
    return { conversationID, conversationType: type, messageList: answer.messageList.map((m) => toMessage(m, this.userID)) };
  }

  async clearUnread(conversationID: string, conversationType: ZIMConversationType): Promise<ZIMConversationNotificationStatusSetResult> {
    await this.api.post("/read", { conversationID, conversationType });
    return { conversationID, conversationType };
  }

  async setNotificationStatus(status: number, conversationID: string, conversationType: ZIMConversationType): Promise<ZIMConversationNotificationStatusSetResult> {
    await this.api.post("/conversation-notification-status", { status, conversationID, conversationType });
    return { conversationID, conversationType };
  }
}

function key(c: ZIMConversation): string {
  return `${c.type}:${c.conversationID}`;
}

function wanted(c: ZIMConversation, option: Partial<ZIMConversationFilterOption> | undefined): boolean {
  if (option?.isOnlyUnreadConversation && c.unreadMessageCount === 0) return false;
  if (option?.pinnedFilter === 1) return false; // nothing is pinned
  return !option?.conversationTypes?.length || option.conversationTypes.includes(c.type);
}

function toConversation(c: WireConversation, userID: string): ZIMConversation {
  const conversation: ZIMConversation = {
    conversationID: c.conversationID,
    type: c.type,
    conversationName: c.conversationName ?? "",
    conversationAvatarUrl: c.conversationAvatarUrl ?? "",
    conversationAlias: "",
    notificationStatus: c.notificationStatus ?? 1,
    unreadMessageCount: c.unreadMessageCount ?? 0,
    readMessageSeq: c.readMessageSeq ?? 0,
    ...(c.lastMessage ? { lastMessage: toMessage(c.lastMessage, userID) } : {}),
    orderKey: c.orderKey ?? 0,
    isPinned: false,
    pinnedTime: 0,
    mentionedInfoList: [],
    draft: "",
    marks: [],
  };
  if (c.type !== ZIMConversationType.Group) return conversation;
  return { ...conversation, mutedExpiredTime: c.mutedExpiredTime ?? 0 } as ZIMGroupConversation;
}
