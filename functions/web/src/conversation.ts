// Conversations and their messages over HTTP.
import { ZIMConversationPinnedFilter, ZIMConversationType, ZIMMessageQueryMode } from "./enums.js";
import { invalid, unsupported } from "./errors.js";
import type { Api } from "./http.js";
import { toMessage, type WireMessage } from "./message.js";
import type {
  ConversationNotificationConfig, NotificationLevel, ZIMConversation, ZIMConversationFilterOption, ZIMConversationListQueriedResult, ZIMConversationNotificationStatusSetResult,
  ZIMConversationQueryConfig, ZIMGroupConversation, ZIMMessageQueriedResult, ZIMMessageQueryConfig,
} from "./types.js";

export interface WireConversation {
  conversationID: string;
  type: number;
  conversationName?: string;
  conversationAvatarUrl?: string;
  notificationStatus?: number;
  mutedExpiredTime?: number;
  level?: NotificationLevel;
  unreadMessageCount?: number;
  readMessageSeq?: number;
  orderKey?: number;
  lastMessage?: WireMessage | null;
}

/** Mark is where a list goes on: with what was fetched already, then at nextFlag; without one it ends. */
interface Mark {
  rest: ZIMConversation[];
  nextFlag: string | undefined;
}

export class Conversations {
  /** How a list goes on after a conversation, for those that ended a page. */
  private readonly marks = new Map<string, Mark>();

  constructor(private readonly api: Api, private readonly userID: string) {}

  async list(config: ZIMConversationQueryConfig, option?: Partial<ZIMConversationFilterOption>): Promise<ZIMConversationListQueriedResult> {
    if (option?.marks?.length) throw unsupported("conversation marks: leave out option.marks");
    if (option?.pinnedFilter === ZIMConversationPinnedFilter.OnlyPinned) return { conversationList: [] }; // nothing is pinned
    const last = config.nextConversation;
    const from = last ? this.marks.get(key(last, option)) : { rest: [], nextFlag: "" };
    if (!from) throw invalid("config.nextConversation", "must be the last conversation of a page that this page's queryConversationList answered");
    const found = [...from.rest];
    let nextFlag = from.nextFlag;
    // A page of the server's may hold few that are wanted, or none.
    while (nextFlag !== undefined && found.length < Math.max(config.count, 1)) {
      const answer = await this.api.post<{ conversationList: WireConversation[]; nextFlag?: string }>("/conversations", {
        count: config.count, ...(nextFlag ? { nextFlag } : {}),
      });
      found.push(...answer.conversationList.map((c) => toConversation(c, this.userID)).filter((c) => wanted(c, option)));
      nextFlag = answer.nextFlag || undefined;
    }
    const conversationList = found.slice(0, config.count);
    const end = conversationList.at(-1);
    if (end) this.marks.set(key(end, option), { rest: found.slice(config.count), nextFlag });
    return { conversationList };
  }

  async history(conversationID: string, type: ZIMConversationType, config: ZIMMessageQueryConfig): Promise<ZIMMessageQueriedResult> {
    const seq = config.nextMessage?.messageSeq ?? config.nextMessage?.orderKey;
    if (config.mode === ZIMMessageQueryMode.OnlyLocal) throw unsupported("messages kept on the device: leave out mode OnlyLocal");
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

  async setNotificationStatus(status: number, conversationID: string, conversationType: ZIMConversationType, { mutedUntil, level }: ConversationNotificationConfig): Promise<ZIMConversationNotificationStatusSetResult> {
    await this.api.post("/conversation-notification-status", {
      status, conversationID, conversationType, ...(mutedUntil === undefined ? {} : { mutedUntil }), ...(level === undefined ? {} : { level }),
    });
    return { conversationID, conversationType };
  }
}

/** key names a place in the list of what option wants. */
function key(c: ZIMConversation, option: object | undefined): string {
  return JSON.stringify([c.type, c.conversationID, option ?? {}]);
}

function wanted(c: ZIMConversation, option: Partial<ZIMConversationFilterOption> | undefined): boolean {
  if (option?.isOnlyUnreadConversation && c.unreadMessageCount === 0) return false;
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
    mutedExpiredTime: c.mutedExpiredTime ?? 0,
    ...(c.level ? { level: c.level } : {}),
  };
  if (c.type !== ZIMConversationType.Group) return conversation;
  return { ...conversation, isDisabled: false } as ZIMGroupConversation;
}
