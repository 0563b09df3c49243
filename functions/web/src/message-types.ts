// Shapes of the compared SDK that programs name and Doorbell has nothing to put
// into: messages with files, of several parts, replies and reactions.
import type { ZIMConversationType, ZIMMessageRepliedInfoState, ZIMMessageType } from "./enums.js";
import type { ZIMMessage } from "./types.js";

export interface ZIMMediaMessage extends ZIMMessage {
  fileLocalPath?: File;
  fileDownloadUrl?: string;
  fileUID?: string;
  fileName?: string;
  fileSize?: number;
}

export interface ZIMMessageLiteInfo {
  type: ZIMMessageType;
}

export interface ZIMMultipleMessage extends ZIMMessage {
  type: ZIMMessageType.Multiple;
  messageInfoList: ZIMMessageLiteInfo[];
  failedIndexList?: number[];
}

export interface ZIMMessageReactionUserInfo {
  userID: string;
}

export interface ZIMMessageReaction {
  reactionType: string;
  conversationID: string;
  conversationType: ZIMConversationType;
  messageID: string;
  totalCount: number;
  /** The older name of totalCount. */
  sumCount: number;
  isSelfIncluded: boolean;
  userList: ZIMMessageReactionUserInfo[];
}

export interface ZIMMessageRepliedInfo {
  state: ZIMMessageRepliedInfoState;
  messageInfo: ZIMMessageLiteInfo;
  messageID: string;
  messageSeq: number;
  senderUserID: string;
  sentTime: number;
}

/** Called with a message before it is sent. */
export type ZIMMessageAttachedResult = (message: ZIMMessage) => void;

export type ZIMMediaUploadingProgress = (message: ZIMMediaMessage, currentFileSize: number, totalFileSize: number) => void;

export type ZIMMultipleMediaUploadingProgress = (
  message: ZIMMultipleMessage, currentFileSize: number, totalFileSize: number,
  messageInfoIndex: number, currentIndexFileSize: number, totalIndexFileSize: number,
) => void;
