// Groups: the compared SDK's shapes.
import type {
  ZIMGroupBeInviteMode, ZIMGroupEnterType, ZIMGroupEvent, ZIMGroupInviteMode, ZIMGroupJoinMode, ZIMGroupMessageNotificationStatus,
  ZIMGroupMuteMode, ZIMGroupState,
} from "./enums.js";
import type { ZIMErrorUserInfo, ZIMUserInfo } from "./types.js";

export interface ZIMGroupInfo {
  groupID: string;
  groupName: string;
  groupAvatarUrl: string;
}

export interface ZIMGroupAdvancedConfig {
  groupNotice: string;
  groupAttributes: Record<string, string>;
  maxMemberCount: number;
  joinMode: ZIMGroupJoinMode;
  inviteMode: ZIMGroupInviteMode;
  beInviteMode: ZIMGroupBeInviteMode;
}

export interface ZIMGroupVerifyInfo {
  joinMode: ZIMGroupJoinMode;
  inviteMode: ZIMGroupInviteMode;
  beInviteMode: ZIMGroupBeInviteMode;
}

export interface ZIMGroupMuteInfo {
  mode: ZIMGroupMuteMode;
  expiredTime: number;
  roles: number[];
}

export interface ZIMGroupFullInfo {
  baseInfo: ZIMGroupInfo;
  groupNotice: string;
  groupAttributes: Record<string, string>;
  groupAlias: string;
  notificationStatus: ZIMGroupMessageNotificationStatus;
  mutedInfo: ZIMGroupMuteInfo;
  createTime: number;
  maxMemberCount: number;
  verifyInfo: ZIMGroupVerifyInfo;
}

export interface ZIMGroupMemberSimpleInfo extends ZIMUserInfo {
  memberNickname: string;
  memberRole: number;
}

export interface ZIMGroupEnterInfo {
  enterTime: number;
  enterType: ZIMGroupEnterType;
  /** Who had them enter; Doorbell doesn't say. */
  operatedUser?: ZIMGroupMemberSimpleInfo;
}

export interface ZIMGroupMemberInfo extends ZIMUserInfo {
  memberNickname: string;
  memberRole: number;
  memberAvatarUrl: string;
  muteExpiredTime: number;
  groupEnterInfo: ZIMGroupEnterInfo;
}

export interface ZIMGroupOperatedInfo {
  userID: string;
  userName: string;
  memberNickname: string;
  memberRole: number;
}

export interface ZIMGroup {
  baseInfo: ZIMGroupInfo;
  groupAlias: string;
  notificationStatus: ZIMGroupMessageNotificationStatus;
}

export interface ZIMGroupCreatedResult {
  groupInfo: ZIMGroupFullInfo;
  userList: ZIMGroupMemberInfo[];
  errorUserList: ZIMErrorUserInfo[];
}

export interface ZIMGroupJoinedResult { groupInfo: ZIMGroupFullInfo }
export interface ZIMGroupLeftResult { groupID: string }
export interface ZIMGroupDismissedResult { groupID: string }
export interface ZIMGroupInfoQueriedResult { groupInfo: ZIMGroupFullInfo }

export interface ZIMGroupUsersInvitedResult {
  groupID: string;
  userList: ZIMGroupMemberInfo[];
  errorUserList: ZIMErrorUserInfo[];
}

export interface ZIMGroupMemberKickedResult {
  groupID: string;
  kickedUserIDs: string[];
  errorUserList: ZIMErrorUserInfo[];
}

export interface ZIMGroupOwnerTransferredResult {
  groupID: string;
  toUserID: string;
}

export interface ZIMGroupMemberRoleUpdatedResult {
  groupID: string;
  forUserID: string;
  role: number;
}

export interface ZIMGroupMemberQueryConfig {
  nextFlag: number;
  count: number;
}

export interface ZIMGroupMemberListQueriedResult {
  groupID: string;
  userList: ZIMGroupMemberInfo[];
  nextFlag: number;
}

export interface ZIMGroupMemberCountQueriedResult {
  groupID: string;
  count: number;
}

export interface ZIMGroupListQueryConfig {
  nextFlag: number;
  userIDs: string[];
}

export interface ZIMGroupListQueriedResult {
  groupList: ZIMGroup[];
  nextFlag: number;
}

export interface ZIMEventOfGroupStateChangedResult {
  state: ZIMGroupState;
  event: ZIMGroupEvent;
  operatedInfo: ZIMGroupOperatedInfo;
  groupInfo: ZIMGroupFullInfo;
}
