// Messages, conversations and users: the compared SDK's shapes.
// Results have its fields exactly. Parameters are more lenient: what Doorbell
// has a default for may be left out, as plain JavaScript always could.
import type {
  ZIMConnectionEvent, ZIMConnectionState, ZIMConversationNotificationStatus, ZIMConversationPinnedFilter, ZIMConversationSyncState,
  ZIMConversationType, ZIMCXHandleType, ZIMMessageDirection, ZIMMessageMentionedType, ZIMMessagePriority, ZIMMessageQueryMode,
  ZIMMessageReceiptStatus, ZIMMessageRevokeStatus, ZIMMessageSentStatus, ZIMMessageType, ZIMPlatformType, ZIMRevokeType, ZIMUserOnlineStatus,
} from "./enums.js";
import type {
  ZIMMediaUploadingProgress, ZIMMessageAttachedResult, ZIMMessageReaction, ZIMMessageRepliedInfo, ZIMMultipleMediaUploadingProgress,
} from "./message-types.js";

export interface ZIMAppConfig {
  appID: number;
}

/** Gives a Firebase custom token for the user who logs in. */
export type TokenSource = string | (() => Promise<string>);

export interface ZIMLoginConfig {
  userName: string;
  token: string;
  isOfflineLogin: boolean;
  customStatus: string;
  customStatusDuration: number;
}

export interface ZIMLogoutConfig {
  isClearDB: boolean;
}

export interface ZIMUserInfo {
  userID: string;
  userName: string;
  userAvatarUrl: string;
  userExtendedData: string;
}

export interface ZIMTokenRenewedResult {
  token: string;
}

export interface ZIMMessage {
  type: ZIMMessageType;
  messageID?: string;
  localMessageID?: string;
  messageSeq?: number;
  senderUserID?: string;
  conversationID?: string;
  conversationType?: ZIMConversationType;
  direction?: ZIMMessageDirection;
  sentStatus?: ZIMMessageSentStatus;
  timestamp?: number;
  orderKey?: number;
  isUserInserted?: boolean;
  receiptStatus?: ZIMMessageReceiptStatus;
  extendedData?: string;
  localExtendedData?: string;
  reactions?: ZIMMessageReaction[];
  isBroadcastMessage?: boolean;
  mentionedUserIDs?: string[];
  isMentionAll?: boolean;
  repliedInfo?: ZIMMessageRepliedInfo;
  rootRepliedCount?: number;
  isServerMessage?: boolean;
  /** The operator's backend sent it (/system-send). Doorbell's own; isServerMessage says the same. */
  system?: boolean;
  editorUserID?: string;
  editedTime?: number;
  isGroupTargetedMessage?: boolean;
  pinnedUserID?: string;
  pinnedTime?: number;
}

export interface ZIMTextMessage extends ZIMMessage {
  type: ZIMMessageType.Text;
  message: string;
}

export interface ZIMCommandMessage extends ZIMMessage {
  type: ZIMMessageType.Command;
  message: Uint8Array;
}

export interface ZIMBarrageMessage extends ZIMMessage {
  type: ZIMMessageType.Barrage;
  message: string;
}

export interface ZIMCustomMessage extends ZIMMessage {
  type: ZIMMessageType.Custom;
  message: string;
  subType: number;
  searchedContent?: string;
}

/** A message that was taken back. originalTextMessageContent is empty but in the result of revokeMessage: nobody keeps what it said. */
export interface ZIMRevokeMessage extends ZIMMessage {
  type: ZIMMessageType.Revoke;
  revokeType: ZIMRevokeType;
  revokeStatus: ZIMMessageRevokeStatus;
  revokeTimestamp: number;
  operatedUserID: string;
  revokeExtendedData: string;
  originalMessageType: ZIMMessageType;
  originalTextMessageContent: string;
}

/** A message to send; a literal with a bare number as its type will do. */
export type ZIMMessageInput = ZIMMessage & { message?: string | Uint8Array; subType?: number; searchedContent?: string };

export interface ZIMVoIPConfig {
  iOSVoIPHandleType: ZIMCXHandleType;
  iOSVoIPHandleValue: string;
  iOSVoIPHasVideo: boolean;
}

export interface ZIMOfflinePushPrivateMessageTemplate {
  templateID: string;
  titleParameters: string;
  contentParameters: string;
}

export interface ZIMPushConfig {
  title: string;
  content: string;
  payload: string;
  resourcesID: string;
  threadID: string;
  enableBadge: boolean;
  badgeIncrement: number;
  voIPConfig?: ZIMVoIPConfig;
  privateMessageTemplate?: ZIMOfflinePushPrivateMessageTemplate;
}

/**
 * A ZIMPushConfig to send: extendedData is payload's name before 2.5.0. silent is
 * Doorbell's own: the push shows nothing and gives the app its payload.
 */
export type ZIMPushConfigInput = Partial<ZIMPushConfig> & { extendedData?: string; silent?: boolean };

export interface ZIMMessageSendConfig {
  pushConfig?: ZIMPushConfig;
  priority: ZIMMessagePriority;
  hasReceipt?: boolean;
  isNotifyMentionedUsers?: boolean;
  isRetrySend?: boolean;
  disableUnreadMessageCount?: boolean;
  isAllowMultipleMessagePartialFailed?: boolean;
  /** This one rings nobody, though it has a pushConfig. Doorbell's own, as are the two after it. */
  skipPush?: boolean;
  /** Which of a receiver's devices ring: those that any list of only names and none of except. */
  deviceFilter?: DeviceFilter;
  /** Of the sender's messages in the conversation with the same one, a device shows the latest; 64 bytes at most. */
  collapseID?: string;
}

/** Names some of a user's devices, by any of three ways. */
export interface DeviceList {
  platforms?: (ZIMPlatformType | string)[];
  pushIDs?: string[];
  deviceIDs?: string[];
}

export interface DeviceFilter {
  only?: DeviceList;
  except?: DeviceList;
}

export type ZIMMessageSendConfigInput = Partial<Omit<ZIMMessageSendConfig, "pushConfig">> & { pushConfig?: ZIMPushConfigInput };

export interface ZIMMessageSendNotification {
  onMessageAttached?: ZIMMessageAttachedResult;
  /** Never called, as Doorbell has no messages with files; nor is the next one. */
  onMediaUploadingProgress?: ZIMMediaUploadingProgress;
  onMultipleMediaUploadingProgress?: ZIMMultipleMediaUploadingProgress;
}

export interface ZIMMessageSentResult {
  message: ZIMMessage;
}

export interface ZIMMessageRevokeConfig {
  /** What the devices that were rung for the message show in its place; without one the notification is taken away. */
  pushConfig?: ZIMPushConfig;
  revokeExtendedData?: string;
}

export type ZIMMessageRevokeConfigInput = Omit<ZIMMessageRevokeConfig, "pushConfig"> & { pushConfig?: ZIMPushConfigInput };

export interface ZIMMessageRevokedResult {
  message: ZIMMessage;
}

export interface ZIMMessageEditConfig {
  /** What the devices that were rung for the message show from now on. Doorbell's own. */
  pushConfig?: ZIMPushConfigInput;
}

export interface ZIMMessageEditedResult {
  message: ZIMMessage;
}

export interface ZIMEventOfMessageRevokeReceivedResult {
  messageList: ZIMRevokeMessage[];
}

export interface ZIMEventOfMessageEditedResult {
  messageList: ZIMMessage[];
}

export interface ZIMMessageReceivedInfo {
  isOfflineMessage: boolean;
}

export interface ZIMMessageQueryConfig {
  /** The message to go on from; absent for the newest (reverse) or the oldest. */
  nextMessage?: ZIMMessage;
  count: number;
  reverse: boolean;
  mode?: ZIMMessageQueryMode;
}

export interface ZIMMessageQueriedResult {
  conversationID: string;
  conversationType: ZIMConversationType;
  messageList: ZIMMessage[];
}

export interface ZIMMessageMentionedInfo {
  messageID: string;
  messageSeq: number;
  fromUserID: string;
  type: ZIMMessageMentionedType;
}

export interface ZIMConversation {
  conversationID: string;
  type: ZIMConversationType;
  conversationName: string;
  conversationAvatarUrl: string;
  conversationAlias: string;
  notificationStatus: ZIMConversationNotificationStatus;
  unreadMessageCount: number;
  readMessageSeq: number;
  lastMessage?: ZIMMessage;
  orderKey: number;
  isPinned: boolean;
  pinnedTime: number;
  mentionedInfoList: ZIMMessageMentionedInfo[];
  draft: string;
  marks: number[];
  /** Until when it is muted, ms of the server's clock; 0: it isn't, or for good. Doorbell's own for peers, as is level. */
  mutedExpiredTime?: number;
  /** Which of its messages ring; absent where the user's settings say it. */
  level?: NotificationLevel;
}

export interface ZIMGroupConversation extends ZIMConversation {
  isDisabled: boolean;
  mutedExpiredTime: number;
}

/** Which messages ring: "mentions" are those of the user, or of everyone. */
export type NotificationLevel = "all" | "mentions" | "none";

/** How much a push holds of what it announces: see functions/README.md. */
export type NotificationPrivacy = "full" | "sender" | "generic" | "id";

/** What setConversationNotificationStatus sets besides the status; what is left out is taken back. */
export interface ConversationNotificationConfig {
  /** Ends "do not disturb", ms of the server's clock; 0: it lasts. */
  mutedUntil?: number;
  level?: NotificationLevel;
}

export type Weekday = "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun";

/** Hours in which nothing rings, by the user's own clock. Without a weekday they need nothing else. */
export interface QuietHours {
  /** IANA's name: Intl.DateTimeFormat().resolvedOptions().timeZone is the browser's. */
  timeZone?: string;
  /** On which they begin; [] for no quiet hours, whatever the operator's default is. */
  weekdays: Weekday[];
  /** "22:00". */
  from?: string;
  /** The first one after from, so often of the next day. */
  to?: string;
  /** Whether calls ring all the same: true where it is left out. */
  callsBreakThrough?: boolean;
  /** Whether mentions with isNotifyMentionedUsers do. */
  mentionsBreakThrough?: boolean;
  /** Whether one push says, when they end, how many messages that they held back are unread. */
  summary?: boolean;
}

/** A user's own rules for being rung. */
export interface NotificationSettings {
  level?: NotificationLevel;
  peerLevel?: NotificationLevel;
  groupLevel?: NotificationLevel;
  /** Until then nothing rings, ms of the server's clock. */
  snoozedUntil?: number;
  privacy?: NotificationPrivacy;
  quiet?: QuietHours;
  /** For how long messages that follow one that rang are told of together, in seconds: 10 to 3600, or 0. */
  bundleSeconds?: number;
}

/** What to change of them: what is left out stays, null takes it back to the operator's default. */
export type NotificationSettingsChange = { [K in keyof NotificationSettings]: NotificationSettings[K] | null } & {
  /** One of the user's devices, by either ID, and its privacy. */
  deviceID?: string;
  pushID?: string;
  devicePrivacy?: NotificationPrivacy | null;
};

export interface NotificationSettingsResult {
  /** What the user set. */
  settings: NotificationSettings;
  /** What is done. */
  effective: NotificationSettings;
  devices: { pushID: string; deviceID: string; platform: ZIMPlatformType; privacy?: NotificationPrivacy }[];
}

/** What selfTest of ZPNs is to do. */
export interface SelfTestConfig {
  /** Has FCM deliver the push, which says that it is a test; else FCM is only asked whether it would take it. */
  ring?: boolean;
  /** Tests all of the user's devices, not this browser alone. */
  allDevices?: boolean;
}

/** A part of the way to a device. */
export interface SelfTestStep {
  /** Absent where the user has no device at all. */
  deviceID?: string;
  /** "android", "ios", "web" and so on. */
  platform?: string;
  /** permission is this browser's alone; new names may come. */
  step: "permission" | "registered" | "rules" | "target" | "fcm" | (string & {});
  ok: boolean;
  /** What was found, in English, with what to do where it is broken. */
  text: string;
}

export interface SelfTestResult {
  /** No step is broken. */
  ok: boolean;
  steps: SelfTestStep[];
}

export interface ZIMConversationQueryConfig {
  nextConversation?: ZIMConversation;
  count: number;
}

export interface ZIMConversationFilterOption {
  conversationTypes: ZIMConversationType[];
  marks: number[];
  isOnlyUnreadConversation: boolean;
  pinnedFilter: ZIMConversationPinnedFilter;
}

export interface ZIMConversationListQueriedResult {
  conversationList: ZIMConversation[];
}

export interface ZIMConversationNotificationStatusSetResult {
  conversationID: string;
  conversationType: ZIMConversationType;
}

export interface ZIMConversationUnreadMessageCountClearedResult {
  conversationID: string;
  conversationType: ZIMConversationType;
}

export interface ZIMUserOfflinePushRule {
  onlinePlatforms: ZIMPlatformType[];
  notToReceiveOfflinePushPlatforms: ZIMPlatformType[];
}

export interface ZIMUserOfflinePushRuleUpdatedResult {
  offlinePushRule: ZIMUserOfflinePushRule;
}

export interface ZIMUserRule {
  offlinePushRule: ZIMUserOfflinePushRule;
}

export interface ZIMUserStatus {
  userID: string;
  onlineStatus: ZIMUserOnlineStatus;
  onlinePlatforms: ZIMPlatformType[];
  customStatus: string;
  customStatusExpiredTime: number;
  lastUpdateTime: number;
  lastOnlineStatusUpdateTime: number;
  lastCustomStatusUpdateTime: number;
}

export interface ZIMUserFullInfo {
  baseInfo: ZIMUserInfo;
  userAvatarUrl: string;
  extendedData: string;
}

export interface ZIMSelfUserInfo {
  userFullInfo: ZIMUserFullInfo;
  userRule: ZIMUserRule;
  userStatus: ZIMUserStatus;
}

export interface ZIMSelfUserInfoQueriedResult { selfUserInfo: ZIMSelfUserInfo }

export interface ZIMErrorUserInfo {
  userID: string;
  reason: number;
}

export interface ZIMBlacklistUsersAddedResult { errorUserList: ZIMErrorUserInfo[] }
export interface ZIMBlacklistUsersRemovedResult { errorUserList: ZIMErrorUserInfo[] }
export interface ZIMBlacklistCheckedResult { isUserInBlacklist: boolean }

export interface ZIMBlacklistQueryConfig {
  nextFlag?: number;
  count: number;
}

export interface ZIMBlacklistQueriedResult {
  blacklist: ZIMUserInfo[];
  nextFlag: number;
}

export interface ZIMEventOfConnectionStateChangedResult {
  state: ZIMConnectionState;
  event: ZIMConnectionEvent;
  /** JSON. */
  extendedData: string;
}

export interface ZIMEventOfConversationSyncStateChangedResult { state: ZIMConversationSyncState }
export interface ZIMEventOfUserRuleUpdatedResult { userRule: ZIMUserRule }

export interface ZIMEventOfReceiveConversationMessageResult {
  messageList: ZIMMessage[];
  fromConversationID: string;
}

export interface ZIMEventOfConversationMessageReceivedResult extends ZIMEventOfReceiveConversationMessageResult {
  info: ZIMMessageReceivedInfo;
}
