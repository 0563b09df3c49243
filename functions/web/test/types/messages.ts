import {
  ZIM, ZIMConversationNotificationStatus, ZIMConversationType, ZIMMessagePriority, ZIMMessageQueryMode, ZIMMessageRepliedInfoState,
  ZIMMessageType, ZIMPlatformType, type ZIMCommandMessage, type ZIMConversation, type ZIMConversationQueryConfig, type ZIMCustomMessage,
  type ZIMEventHandler, type ZIMGroupConversation, type ZIMMediaMessage, type ZIMMediaUploadingProgress, type ZIMMessage,
  type ZIMMessageAttachedResult, type ZIMMessageLiteInfo, type ZIMMessageQueryConfig, type ZIMMessageReaction,
  type ZIMMessageReactionUserInfo, type ZIMMessageRepliedInfo, type ZIMMessageSendConfig, type ZIMMessageSendNotification,
  type ZIMMultipleMediaUploadingProgress, type ZIMMultipleMessage, type ZIMPushConfig, type ZIMTextMessage, type ZIMUserOfflinePushRule,
} from "zego-zim-web";

declare const zim: ZIM;

const pushConfig: ZIMPushConfig = {
  title: "Alice", content: "Hello", payload: "{}", resourcesID: "", threadID: "", enableBadge: true, badgeIncrement: 1,
};
const config: ZIMMessageSendConfig = { priority: ZIMMessagePriority.Medium, pushConfig };
const text: ZIMTextMessage = { type: ZIMMessageType.Text, message: "Hello", extendedData: "", mentionedUserIDs: ["bob"], isMentionAll: false };
const command: ZIMCommandMessage = { type: ZIMMessageType.Command, message: new Uint8Array([1, 2]) };
const custom: ZIMCustomMessage = { type: ZIMMessageType.Custom, message: "{}", subType: 1, searchedContent: "x" };
const notification: ZIMMessageSendNotification = {
  onMessageAttached(message: ZIMMessage) {
    console.log(message.localMessageID);
  },
};
const attached: ZIMMessageAttachedResult = (message) => console.log(message.localMessageID);
const uploading: ZIMMediaUploadingProgress = (message: ZIMMediaMessage, currentFileSize, totalFileSize) => console.log(message.fileName, message.fileSize, currentFileSize / totalFileSize);
const uploadingAll: ZIMMultipleMediaUploadingProgress = (message: ZIMMultipleMessage, current, total, index, currentOfIndex, totalOfIndex) => {
  const part: ZIMMessageLiteInfo | undefined = message.messageInfoList[index];
  console.log(part?.type, current, total, currentOfIndex, totalOfIndex, message.failedIndexList);
};
zim.sendMessage(text, "bob", 0, config, { onMessageAttached: attached, onMediaUploadingProgress: uploading });
zim.sendMessage(text, "bob", 0, config, { onMessageAttached: attached, onMultipleMediaUploadingProgress: uploadingAll });
zim.sendMessage({ type: 1, message: "Hello" } as ZIMTextMessage, "bob", 0, config, {
  onMessageAttached: function (message) { console.log(message.messageID); },
  onMediaUploadingProgress: function (message, currentFileSize, totalFileSize) { console.log(message.fileUID, currentFileSize, totalFileSize); },
});

zim.sendMessage(text, "bob", ZIMConversationType.Peer, config, notification).then(({ message }) => {
  const sent: ZIMMessage = message;
  console.log(sent.messageID, sent.timestamp, sent.orderKey, sent.sentStatus);
}).catch((err) => console.log(err));
zim.sendMessage(command, "room", ZIMConversationType.Room, { priority: ZIMMessagePriority.Low });
zim.sendMessage(custom, "group", 2, { priority: 3, isNotifyMentionedUsers: true });

const received: ZIMEventHandler["peerMessageReceived"] = (_zim, { messageList, fromConversationID, info }) => {
  for (const message of messageList) {
    const reactions: ZIMMessageReaction[] = message.reactions ?? [];
    for (const { reactionType, totalCount, isSelfIncluded, userList } of reactions) {
      const users: ZIMMessageReactionUserInfo[] = userList;
      console.log(reactionType, totalCount, isSelfIncluded, users[0]?.userID);
    }
    const replied: ZIMMessageRepliedInfo | undefined = message.repliedInfo;
    if (replied?.state === ZIMMessageRepliedInfoState.Normal) console.log(replied.messageInfo.type, replied.senderUserID, replied.sentTime, replied.messageSeq);
    if (message.type === ZIMMessageType.Text) console.log((message as ZIMTextMessage).message, fromConversationID, info.isOfflineMessage);
  }
};
zim.on("peerMessageReceived", received);
zim.on("groupMessageReceived", received);
zim.on("roomMessageReceived", received);
zim.on("receivePeerMessage", (_zim, { messageList, fromConversationID }) => console.log(messageList.length, fromConversationID));
zim.on("receiveGroupMessage", (_zim, data) => console.log(data.messageList, data.fromConversationID));
zim.on("receiveRoomMessage", (_zim, data) => console.log(data.messageList));
zim.on("conversationSyncStateChanged", (_zim, { state }) => console.log(state === 1));

const history: ZIMMessageQueryConfig = { count: 30, reverse: true, mode: ZIMMessageQueryMode.General };
zim.queryHistoryMessage("bob", ZIMConversationType.Peer, history).then(({ conversationID, conversationType, messageList }) => {
  const next: ZIMMessage | undefined = messageList[0];
  if (next) zim.queryHistoryMessage(conversationID, conversationType, { nextMessage: next, count: 30, reverse: true, mode: 0 });
});

const list: ZIMConversationQueryConfig = { count: 20 };
zim.queryConversationList(list).then(({ conversationList }) => {
  const last: ZIMConversation | undefined = conversationList[conversationList.length - 1];
  if (last) zim.queryConversationList({ count: 20, nextConversation: last });
  if (last?.type === ZIMConversationType.Group) {
    const { isDisabled, mutedExpiredTime } = last as ZIMGroupConversation;
    console.log(isDisabled, mutedExpiredTime);
  }
  for (const { conversationID, type, unreadMessageCount, lastMessage, notificationStatus } of conversationList) {
    console.log(conversationID, type, unreadMessageCount, lastMessage?.type, notificationStatus === ZIMConversationNotificationStatus.DoNotDisturb);
  }
});
zim.clearConversationUnreadMessageCount("bob", 0).then(({ conversationID }) => console.log(conversationID));
zim.setConversationNotificationStatus(ZIMConversationNotificationStatus.DoNotDisturb, "group", ZIMConversationType.Group)
  .then(({ conversationID, conversationType }) => console.log(conversationID, conversationType));

const rule: ZIMUserOfflinePushRule = {
  onlinePlatforms: [ZIMPlatformType.Win, ZIMPlatformType.MacOS], notToReceiveOfflinePushPlatforms: [ZIMPlatformType.Android, ZIMPlatformType.IPhoneOS],
};
zim.updateUserBadge(3).then(() => console.log("set"));
zim.updateUserOfflinePushRule(rule).then(({ offlinePushRule }) => console.log(offlinePushRule.onlinePlatforms));
zim.on("userRuleUpdated", (_zim, { userRule }) => console.log(userRule.offlinePushRule.notToReceiveOfflinePushPlatforms));
zim.querySelfUserInfo().then(({ selfUserInfo }) => console.log(selfUserInfo.userFullInfo.baseInfo.userID, selfUserInfo.userRule.offlinePushRule));
zim.addUsersToBlacklist(["eve"]).then(({ errorUserList }) => console.log(errorUserList[0]?.reason));
zim.removeUsersFromBlacklist(["eve"]);
zim.queryBlacklist({ count: 10, nextFlag: 0 }).then(({ blacklist, nextFlag }) => console.log(blacklist[0]?.userID, nextFlag));
zim.checkUserIsInBlacklist("eve").then(({ isUserInBlacklist }) => console.log(isUserInBlacklist));
