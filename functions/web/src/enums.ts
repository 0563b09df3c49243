// The compared SDK's enumerations: names and numbers are what client code in
// the field uses.

export enum ZIMConnectionState { Disconnected = 0, Connecting = 1, Connected = 2, Reconnecting = 3 }

export enum ZIMConnectionEvent {
  Success = 0,
  ActiveLogin = 1,
  LoginTimeout = 2,
  LoginInterrupted = 3,
  KickedOut = 4,
  TokenExpired = 5,
  Unregistered = 6,
}

export enum ZIMConversationType { Unknown = -1, Peer = 0, Room = 1, Group = 2, CommunityChannel = 3 }

export enum ZIMMessageType {
  Unknown = 0,
  Text = 1,
  Command = 2,
  Multiple = 10,
  Image = 11,
  File = 12,
  Audio = 13,
  Video = 14,
  Barrage = 20,
  System = 30,
  Revoke = 31,
  Tips = 32,
  Combine = 100,
  Custom = 200,
}

export enum ZIMRevokeType { Unknown = -1, TwoWay = 0, OneWay = 1 }
export enum ZIMMessageRevokeStatus { Unknown = -1, SelfRevoke = 0, SystemRevoke = 1, ServerAPIRevoke = 2, GroupAdminRevoke = 3, GroupOwnerRevoke = 4, AuditRejectRevoke = 5 }
export enum ZIMMessagePriority { Low = 1, Medium = 2, High = 3 }
export enum ZIMMessageDirection { Send = 0, Receive = 1 }
export enum ZIMMessageSentStatus { Sending = 0, Success = 1, Failed = 2 }
export enum ZIMMessageReceiptStatus { Unknown = -1, None = 0, Processing = 1, Done = 2, Expired = 3, Failed = 4 }
export enum ZIMMessageMentionedType { Unknown = 0, MentionMe = 1, MentionAll = 2, MentionAllAndMe = 3 }
export enum ZIMMessageRepliedInfoState { Normal = 0, Deleted = 1, NotFound = 2 }
export enum ZIMMessageQueryMode { General = 0, PreferServer = 1, OnlyLocal = 2 }

export enum ZIMConversationNotificationStatus { Notify = 1, DoNotDisturb = 2 }
export enum ZIMConversationSyncState { Started = 0, Finished = 1, Failed = 2 }
export enum ZIMConversationPinnedFilter { All = 0, OnlyPinned = 1, OnlyUnpinned = 2 }

export enum ZIMGroupMessageNotificationStatus { Notify = 1, Disturb = 2 }
export enum ZIMGroupJoinMode { Any = 0, Auth = 1, Forbid = 2 }
export enum ZIMGroupInviteMode { Any = 0, Admin = 1 }
export enum ZIMGroupBeInviteMode { None = 0, Auth = 1 }
export enum ZIMGroupMuteMode { None = 0, Normal = 1, All = 2, Custom = 3 }
export enum ZIMGroupEnterType { Unknown = 0, Created = 1, JoinApply = 2, Joined = 3, Invited = 4, InviteApply = 5 }
export enum ZIMGroupState { Quit = 0, Enter = 1 }
export enum ZIMGroupEvent { Unknown = -1, Created = 1, Dismissed = 2, Joined = 3, Invited = 4, Left = 5, KickedOut = 6 }
export enum ZIMGroupMemberState { Quit = 0, Enter = 1 }
export enum ZIMGroupMemberEvent { Unknown = -1, Joined = 1, Left = 2, KickedOut = 4, Invited = 5 }

export enum ZIMCallInvitationMode { Unknown = -1, General = 0, Advanced = 1 }
export enum ZIMCallState { Unknown = -1, Started = 1, Ended = 2 }

export enum ZIMCallUserState {
  Unknown = -1,
  Inviting = 0,
  Accepted = 1,
  Rejected = 2,
  Cancelled = 3,
  Offline = 4,
  Received = 5,
  Timeout = 6,
  Quit = 7,
  Ended = 8,
  NotYetReceived = 9,
  BeCancelled = 10,
}

export enum ZIMPlatformType {
  Win = 1,
  IPhoneOS = 2,
  Android = 3,
  MacOS = 4,
  Linux = 5,
  Web = 6,
  MiniProgram = 7,
  IPadOS = 9,
  OHOS = 10,
  Unknown = 32,
}

export enum ZIMUserOnlineStatus { Online = 0, Offline = 1, Logout = 2, Unknown = 99 }
export enum ZIMCXHandleType { Generic = 1, PhoneNumber = 2, EmailAddress = 3 }

/** The codes Doorbell answers with, and those about what it has. */
export enum ZIMErrorCode {
  Success = 0,
  Failed = 1,
  CommonModuleParamsInvalid = 6000001,
  CommonModuleNotInit = 6000002,
  CommonModuleTriggerServerFrequencyLimit = 6000005,
  CommonModuleIMServerError = 6000007,
  CommonModuleUserIsNotExist = 6000011,
  CommonModuleUnsupportedRequest = 6000013,
  CommonModuleBlacklistLimit = 6000021,
  NetworkModuleTokenInvalid = 6000103,
  NetworkModuleNetworkError = 6000104,
  NetworkModuleRequestTimeout = 6000105,
  NetworkModuleTokenExpired = 6000106,
  NetworkModuleUserHasAlreadyLogged = 6000111,
  NetworkModuleUserIsNotLogged = 6000121,
  NetworkModuleUserOffline = 6000123,
  MessageModuleCommonError = 6000201,
  MessageModuleSendMessageFailed = 6000203,
  MessageModuleTargetDoesNotExist = 6000204,
  CallModuleCommonError = 6000270,
  CallModuleCancelError = 6000271,
  CallModuleServerError = 6000272,
  CallModuleIsNotInvitor = 6000273,
  CallModuleIsNotInvitee = 6000274,
  CallModuleAlreadyExists = 6000275,
  CallModuleDoesNotExist = 6000276,
  CallModuleInviteUserDoesNotExist = 6000281,
  CallModuleUserAlreadyInTheCall = 6000283,
  MessageModuleSenderInBlacklist = 6000284,
  ZpnsModulePushIDInvalid = 6000401,
  GroupModuleCommonError = 6000501,
  GroupModuleCreateGroupError = 6000503,
  GroupModuleJoinGroupError = 6000505,
  GroupModuleInviteUserIntoGroupError = 6000508,
  GroupModuleUserIsNotInTheGroup = 6000521,
  GroupModuleMemberIsAlreadyInTheGroup = 6000522,
  GroupModuleGroupDoesNotExist = 6000523,
  GroupModuleGroupAlreadyExists = 6000524,
  GroupModuleGroupMemberHasReachedLimit = 6000525,
  GroupModuleCreateGroupWithDismissed = 6000527,
  GroupModuleGroupNoCorrespondingOperationAuthority = 6000541,
  GroupModuleForbidJoinGroupError = 6000542,
  GroupModuleNeedApplyJoinGroupError = 6000543,
  GroupModuleNeedApplyInviteGroupError = 6000544,
  ConversationModuleCommonError = 6000601,
  ConversationModuleConversationDoesNotExist = 6000603,
}

/** ZPNs' own codes, as its native SDKs use them. */
export enum ZPNsErrorCode {
  Success = 0,
  ConnectionFailed = 6000401,
  ConfigInvalid = 6000402,
  GetPushIDFailed = 6000403,
  RegisterFailed = 6000404,
  UnregisterFailed = 6000405,
}
