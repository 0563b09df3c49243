import type {
  ZIMEventOfCallInvitationAcceptedResult, ZIMEventOfCallInvitationCancelledResult, ZIMEventOfCallInvitationCreatedResult,
  ZIMEventOfCallInvitationEndedResult, ZIMEventOfCallInvitationReceivedResult, ZIMEventOfCallInvitationRejectedResult,
  ZIMEventOfCallInvitationTimeoutResult, ZIMEventOfCallInviteesAnsweredTimeoutResult, ZIMEventOfCallUserStateChangedResult,
} from "./call-types.js";
import type { ZIMError } from "./errors.js";
import type { ZIMEventOfGroupStateChangedResult } from "./group-types.js";
import type {
  ZIMEventOfConnectionStateChangedResult, ZIMEventOfConversationMessageReceivedResult, ZIMEventOfConversationSyncStateChangedResult,
  ZIMEventOfMessageEditedResult, ZIMEventOfMessageRevokeReceivedResult, ZIMEventOfReceiveConversationMessageResult, ZIMEventOfUserRuleUpdatedResult,
} from "./types.js";
import type { ZIM } from "./zim.js";

/** What each event that Doorbell fires carries. */
export interface EventData {
  error: ZIMError;
  connectionStateChanged: ZIMEventOfConnectionStateChangedResult;
  conversationSyncStateChanged: ZIMEventOfConversationSyncStateChangedResult;
  userRuleUpdated: ZIMEventOfUserRuleUpdatedResult;
  peerMessageReceived: ZIMEventOfConversationMessageReceivedResult;
  groupMessageReceived: ZIMEventOfConversationMessageReceivedResult;
  receivePeerMessage: ZIMEventOfReceiveConversationMessageResult;
  receiveGroupMessage: ZIMEventOfReceiveConversationMessageResult;
  messageRevokeReceived: ZIMEventOfMessageRevokeReceivedResult;
  messageEdited: ZIMEventOfMessageEditedResult;
  groupStateChanged: ZIMEventOfGroupStateChangedResult;
  callInvitationCreated: ZIMEventOfCallInvitationCreatedResult;
  callInvitationReceived: ZIMEventOfCallInvitationReceivedResult;
  callInvitationCancelled: ZIMEventOfCallInvitationCancelledResult;
  callInvitationTimeout: ZIMEventOfCallInvitationTimeoutResult;
  callInvitationEnded: ZIMEventOfCallInvitationEndedResult;
  callUserStateChanged: ZIMEventOfCallUserStateChangedResult;
  callInvitationAccepted: ZIMEventOfCallInvitationAcceptedResult;
  callInvitationRejected: ZIMEventOfCallInvitationRejectedResult;
  callInviteesAnsweredTimeout: ZIMEventOfCallInviteesAnsweredTimeoutResult;
}

/** Events of the compared SDK that Doorbell never fires: a listener may be set, and is not called. */
export const silentEvents = [
  "experimentalEventReceived", "userInfoUpdated", "userStatusUpdated", "conversationChanged", "conversationTotalUnreadMessageCountUpdated",
  "conversationMessageReceiptChanged", "conversationsAllDeleted", "broadcastMessageReceived", "messageSentStatusChanged",
  "messageReceiptChanged", "messageReactionsChanged", "messageDeleted", "messageRepliedInfoChanged",
  "messageRepliedCountChanged", "messagePinStatusChanged", "roomStateChanged", "roomMemberJoined", "roomMemberLeft",
  "roomAttributesUpdated", "roomAttributesBatchUpdated", "roomMemberAttributesUpdated", "groupNameUpdated", "groupAvatarUrlUpdated",
  "groupNoticeUpdated", "groupAliasUpdated", "groupAttributesUpdated", "groupMutedInfoUpdated", "groupVerifyInfoUpdated",
  "groupMemberStateChanged", "groupMemberInfoUpdated", "groupApplicationListChanged", "groupApplicationUpdated", "friendListChanged",
  "friendInfoUpdated", "friendApplicationListChanged", "friendApplicationUpdated", "blacklistChanged", "roomMessageReceived",
  "receiveRoomMessage",
] as const;

interface SilentEventData extends Record<Exclude<(typeof silentEvents)[number], "roomMessageReceived" | "receiveRoomMessage">, unknown> {
  roomMessageReceived: ZIMEventOfConversationMessageReceivedResult;
  receiveRoomMessage: ZIMEventOfReceiveConversationMessageResult;
  /** Firebase renews its tokens, so this one isn't needed. */
  tokenWillExpire: { second: number };
}

/** The listener of each event. */
export type ZIMEventHandler = {
  [K in keyof (EventData & SilentEventData)]: (zim: ZIM, data: (EventData & SilentEventData)[K]) => void;
};

/** Fires an event of the SDK. */
export type Fire = <K extends keyof EventData>(type: K, data: EventData[K]) => void;

/** Events holds one listener for each event, as the compared SDK does: a second one replaces the first. */
export class Events {
  private readonly listeners = new Map<string, (zim: ZIM, data: never) => void>();

  on<K extends keyof ZIMEventHandler>(type: K, listener: ZIMEventHandler[K]): void {
    if ((silentEvents as readonly string[]).includes(type)) console.warn(`Doorbell never fires ${type}: see its functions/web/README.md`);
    this.listeners.set(type, listener);
  }

  off(type: string): void {
    this.listeners.delete(type);
  }

  clear(): void {
    this.listeners.clear();
  }

  /** fire calls the listener. One that throws is reported like any error of the page, and disturbs nothing else. */
  fire(zim: ZIM, type: string, data: unknown): void {
    const listener = this.listeners.get(type);
    if (!listener) return;
    try {
      listener(zim, data as never);
    } catch (err) {
      queueMicrotask(() => { throw err; });
    }
  }
}
