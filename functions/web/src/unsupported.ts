// The rest of the compared SDK's methods: each is there and fails with an error
// that says so, rather than with "is not a function". README.md lists them too.
import { unsupported } from "./errors.js";

const promising = [
  "uploadLog", "callExperimentalAPI",
  "updateUserName", "updateUserAvatarUrl", "updateUserExtendedData", "updateUserCustomStatus",
  "queryUsersInfo", "queryUsersStatus", "subscribeUsersStatus", "unsubscribeUsersStatus", "querySubscribedUserStatusList",
  "queryConversation", "queryConversationPinnedList", "updateConversationPinnedState", "deleteConversation", "deleteAllConversations",
  "clearConversationTotalUnreadMessageCount", "queryConversationTotalUnreadMessageCount", "sendConversationMessageReceiptRead",
  "setConversationDraft", "setConversationMark", "searchLocalConversations",
  "sendMediaMessage", "replyMessage", "cancelSendingMessage", "insertMessageToLocalDB",
  "queryMessages", "deleteMessages", "deleteAllMessage", "deleteAllConversationMessages", "updateMessageLocalExtendedData",
  "sendMessageReceiptsRead", "queryMessageReceiptsInfo", "searchLocalMessages", "searchGlobalLocalMessages", "queryCombineMessageDetail",
  "addMessageReaction", "deleteMessageReaction", "deleteMessageAllReactions", "queryMessageReactionUserList",
  "queryMessageRepliedList", "pinMessage", "queryPinnedMessageList",
  "createRoom", "joinRoom", "enterRoom", "switchRoom", "leaveRoom", "leaveAllRoom", "queryRoomMemberList", "queryRoomMembers",
  "queryRoomOnlineMemberCount", "setRoomAttributes", "deleteRoomAttributes", "endRoomAttributesBatchOperation", "queryRoomAllAttributes",
  "setRoomMembersAttributes", "queryRoomMembersAttributes", "queryRoomMemberAttributesList",
  "queryGroupMemberInfo", "updateGroupName", "updateGroupAvatarUrl", "updateGroupNotice", "updateGroupAlias", "updateGroupJoinMode",
  "updateGroupInviteMode", "updateGroupBeInviteMode", "setGroupAttributes", "deleteGroupAttributes", "queryGroupAttributes",
  "queryGroupAllAttributes", "setGroupMemberNickname", "muteGroup", "muteGroupMembers", "queryGroupMemberMutedList",
  "queryGroupMessageReceiptReadMemberList", "queryGroupMessageReceiptUnreadMemberList", "searchLocalGroups", "searchLocalGroupMembers",
  "sendGroupJoinApplication", "acceptGroupJoinApplication", "rejectGroupJoinApplication", "sendGroupInviteApplications",
  "acceptGroupInviteApplication", "rejectGroupInviteApplication", "queryGroupApplicationList",
  "addFriend", "deleteFriends", "checkFriendsRelation", "updateFriendAlias", "updateFriendAttributes", "queryFriendsInfo", "queryFriendList",
  "searchLocalFriends", "sendFriendApplication", "acceptFriendApplication", "rejectFriendApplication", "queryFriendApplicationList",
] as const;

const throwing = ["beginRoomAttributesBatchOperation"] as const;

/** The names of all methods that fail as unsupported. */
export const unsupportedMethods: readonly string[] = [...promising, ...throwing];

/** The methods that fail as unsupported, for the type checker. */
export type Unsupported =
  & { [K in (typeof promising)[number]]: (...args: unknown[]) => Promise<never> }
  & { [K in (typeof throwing)[number]]: (...args: unknown[]) => never };

/** declareUnsupported gives a class those methods. */
export function declareUnsupported(prototype: object): void {
  const define = (name: string, value: () => unknown): void => {
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  };
  for (const name of promising) define(name, () => Promise.reject(unsupported(name)));
  for (const name of throwing) define(name, () => { throw unsupported(name); });
}
